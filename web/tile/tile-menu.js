/** The button on a tile: what can be done with its picture, and for the host, with the person. */
import { element, icon } from "../ui/element.js";
import { editName } from "../ui/name-field.js";
import { Menu } from "../ui/menu.js";
import { t } from "../texts/texts.js";

/** @import { Call } from "../call/call.js" */
/** @import { MenuItem } from "../ui/menu.js" */

const menu = new Menu(t("This person"), "tile-menu");

/**
 * @typedef {object} TileActions
 * @property {() => void} onAspect the picture has another shape
 * @property {(participant: string) => void} onRemove the host wants somebody out
 * @property {(participant: string) => boolean} pinned
 * @property {(participant: string, pinned: boolean) => void} onPin
 * @property {(participant: string) => void} onFullScreen
 * @property {(participant: string) => void} onPicture in a window of its own
 * @property {(participant: string) => void} onFigures of the connection
 * @property {(() => void) | null} onPortrait one wants to choose what stands for oneself
 */

export class TileMenu {
  root = element("button", { type: "button", class: "quiet-button tile-menu-button", "aria-haspopup": "menu" }, icon("more"));

  /**
   * @param {Call} call
   * @param {string} participant
   * @param {TileActions} actions
   * @param {HTMLElement} name where it is shown, and where one's own is changed
   */
  constructor(call, participant, actions, name) {
    this.name = name;
    this.call = call;
    this.participant = participant;
    this.actions = actions;
    this.root.addEventListener("click", () => this.#open());
  }

  update() {
    const name = this.call.participant(this.participant)?.name ?? "";
    this.root.ariaLabel = this.root.title = t("Options for {name}", { name });
  }

  #open() {
    const { actions, participant: id } = this;
    const pinned = actions.pinned(id);
    /** @type {MenuItem[]} */
    const items = [{ name: pinned ? t("Unpin") : t("Pin"), icon: "pin", act: () => actions.onPin(id, !pinned) }];
    if (document.fullscreenEnabled) items.push({ name: t("Full screen"), icon: "fullscreen", act: () => actions.onFullScreen(id) });
    if (document.pictureInPictureEnabled) items.push({ name: t("In a window of its own"), icon: "picture", act: () => actions.onPicture(id) });
    items.push({ name: t("Connection"), icon: "signal", act: () => actions.onFigures(id) });
    if (id === this.call.self) items.push({ name: t("Change my name"), icon: "pencil", act: () => editName(this.name, (to) => this.call.renameSelf(to)) });
    if (id === this.call.self && actions.onPortrait) items.push({ name: t("While my camera is off…"), icon: "picture", act: actions.onPortrait });
    if (this.call.hosting.allowed && id !== this.call.self) items.push(...this.#ofHost());
    menu.open(this.root, items);
  }

  /** @returns {MenuItem[]} */
  #ofHost() {
    const { call, participant: id } = this;
    const { name = "", muted = false, host = false } = call.participant(id) ?? {};
    /** @type {MenuItem[]} */
    const items = [
      {
        name: muted ? t("Let {name} be heard again", { name }) : t("Mute {name} for everyone", { name }),
        icon: muted ? "mic" : "mic-off",
        act: () => call.hosting.muteForAll(id, !muted),
      },
    ];
    if (call.talk.handPlace(id)) items.push({ name: t("Lower the hand of {name}", { name }), icon: "hand", act: () => call.talk.setHand(id, false) });
    if (!host) items.push({ name: t("Remove {name}…", { name }), icon: "leave", act: () => this.actions.onRemove(id) });
    return items;
  }
}
