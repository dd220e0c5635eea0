/** The figures of one participant's connection, on demand: what this browser counts, and what the server does. */
import { element, find } from "../ui/element.js";
import { plural, t } from "../texts/texts.js";
import { number, percent } from "../texts/formats.js";

/** @import { Call } from "../call/call.js" */
/** @import { LinkFigures } from "../call/link-figures.js" */
/** @import { Figures } from "../types.js" */

const EVERY_MS = 3000;

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
    find("#figures-title", HTMLElement).textContent = t("Connection of {name}", { name });
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
      rows.push([own ? t("Packets lost on the way to the server") : t("Packets lost on the way from the server"), percent(here.loss, 1)]);
      if (here.delayMs !== null) rows.push([t("There and back"), t("{n} ms", { n: Math.round(here.delayMs) })]);
      if (here.width) rows.push([t("Picture"), t("{size}, {n} a second", { size: `${here.width} × ${here.height}`, n: Math.round(here.rate) })]);
    }
    if (server) {
      rows.push([t("Sound that did not reach the server"), percent(server.sound_missing, 1)]);
      rows.push([t("Sound whose voices came too late"), percent(server.sound_late, 1)]);
      rows.push([t("Pictures that reached the server"), number(server.pictures_came)]);
      rows.push([t("Left out by the server"), number(server.pictures_lost)]);
      if (!own) rows.push([t("Not sent to you for want of room"), number(server.pictures_unsent)]);
      rows.push([t("Sent to"), plural(server.viewers, "{n} viewer", "{n} viewers")]);
    }
    if (!rows.length) rows.push([t("Figures"), t("There are none now.")]);
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
