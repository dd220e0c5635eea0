/** The host's button on somebody's tile: mute them for everyone, or remove them. */
import { element, icon } from "../ui/element.js";
import { Menu } from "../ui/menu.js";

/** @import { Call } from "../call/call.js" */

const menu = new Menu("Host", "host-menu");

export class HostMenu {
  root = element("button", { type: "button", class: "quiet-button host-menu-button gone", "aria-haspopup": "menu" }, icon("more"));

  /**
   * @param {Call} call
   * @param {string} participant
   * @param {(participant: string) => void} onRemove
   */
  constructor(call, participant, onRemove) {
    this.call = call;
    this.participant = participant;
    this.onRemove = onRemove;
    this.root.addEventListener("click", () => this.#open());
  }

  update() {
    const name = this.call.participant(this.participant)?.name ?? "";
    this.root.ariaLabel = this.root.title = `What the host can do with ${name}`;
    this.root.classList.toggle("gone", !this.call.hosting.allowed);
  }

  #open() {
    const { call, participant: id } = this;
    const { name = "", muted = false, host = false } = call.participant(id) ?? {};
    const items = [
      {
        name: muted ? `Let ${name} be heard again` : `Mute ${name} for everyone`,
        act: () => call.hosting.muteForAll(id, !muted),
      },
    ];
    if (call.talk.handPlace(id)) items.push({ name: `Lower the hand of ${name}`, act: () => call.talk.setHand(id, false) });
    if (!host) items.push({ name: `Remove ${name}…`, act: () => this.onRemove(id) });
    menu.open(this.root, items);
  }
}
