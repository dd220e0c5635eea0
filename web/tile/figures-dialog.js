/** The figures of one participant's connection, on demand: what this browser counts, and what the server does. */
import { element, find } from "../ui/element.js";

/** @import { Call } from "../call/call.js" */
/** @import { LinkFigures } from "../call/link-figures.js" */
/** @import { Figures } from "../types.js" */

const EVERY_MS = 3000;

/** @param {number} share @returns {string} */
const percent = (share) => `${(100 * share).toFixed(1)} %`;

export class FiguresDialog {
  #dialog = find("#figures-dialog", HTMLDialogElement);
  #list = find("#figures-list", HTMLElement);
  #participant = "";
  #timer = 0;

  /**
   * @param {Call} call
   * @param {LinkFigures} links
   */
  constructor(call, links) {
    this.call = call;
    this.links = links;
    find("[data-close]", HTMLButtonElement, this.#dialog).addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => clearInterval(this.#timer));
  }

  /** @param {string} participant */
  open(participant) {
    this.#participant = participant;
    const name = this.call.participant(participant)?.name ?? "";
    find("#figures-title", HTMLElement).textContent = `Connection of ${name}`;
    this.#list.replaceChildren();
    this.#dialog.showModal();
    void this.#show();
    this.#timer = setInterval(() => void this.#show(), EVERY_MS);
  }

  async #show() {
    const participant = this.#participant;
    const server = await this.#asked(participant);
    if (participant !== this.#participant || !this.#dialog.open) return;
    const here = this.links.now.get(participant);
    const own = participant === this.call.self;
    /** @type {[string, string][]} */
    const rows = [];
    if (here) {
      rows.push([own ? "Packets lost on the way to the server" : "Packets lost on the way from the server", percent(here.loss)]);
      if (here.delayMs !== null) rows.push(["There and back", `${Math.round(here.delayMs)} ms`]);
      if (here.width) rows.push(["Picture", `${here.width} × ${here.height}, ${Math.round(here.rate)} a second`]);
    }
    if (server) {
      rows.push(["Sound that did not reach the server", percent(server.sound_missing)]);
      rows.push(["Sound whose voices came too late", percent(server.sound_late)]);
      rows.push(["Pictures that reached the server", String(server.pictures_came)]);
      rows.push(["Left out by the server", String(server.pictures_lost)]);
      if (!own) rows.push(["Not sent to you for want of room", String(server.pictures_unsent)]);
      rows.push(["Sent to", `${server.viewers} ${server.viewers === 1 ? "viewer" : "viewers"}`]);
    }
    if (!rows.length) rows.push(["Figures", "There are none now."]);
    this.#list.replaceChildren(...rows.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  }

  /**
   * @param {string} participant
   * @returns {Promise<Figures | null>} null while the server does not say
   */
  async #asked(participant) {
    const { who, joined } = this.call.connection;
    try {
      const answer = await fetch(`/rooms/${encodeURIComponent(who.room)}/figures/${encodeURIComponent(participant)}`, {
        headers: { Authorization: `Bearer ${joined?.token ?? ""}` },
        cache: "no-store",
        signal: AbortSignal.timeout(EVERY_MS),
      });
      return answer.ok ? await answer.json() : null;
    } catch {
      return null;
    }
  }
}
