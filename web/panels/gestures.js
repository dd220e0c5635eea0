/** The button to react and to raise a hand, and whose hands are up, in their order. */
import { element, find, icon } from "../ui/element.js";
import { Menu } from "../ui/menu.js";
import { t } from "../texts/texts.js";

/** @import { Call } from "../call/call.js" */
/** @import { Mark } from "../types.js" */

/** @type {[Mark, string][]} */
const MARKS = [
  ["thumb", t("Thumbs up")],
  ["heart", t("Heart")],
  ["laugh", t("Laughing")],
  ["surprise", t("Surprise")],
  ["celebrate", t("Celebration")],
];
const NAMES = new Map(MARKS);

export class GesturesBar {
  #button = find("#react", HTMLButtonElement);
  #hands = find("#hands", HTMLElement);
  #said = find("#gestures-said", HTMLElement);
  #menu = new Menu(t("React"), "react-menu");
  /** @type {string[]} */ #raised = [];
  #shown = "";

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
    this.#button.addEventListener("click", () => this.open());
  }

  open() {
    if (this.#button.hidden) return;
    const { talk, self } = this.call;
    const { raised } = talk;
    this.#menu.open(this.#button, [
      { name: raised ? t("Lower my hand") : t("Raise my hand"), icon: "hand", act: () => talk.setHand(self, !raised) },
      ...MARKS.map(([mark, name]) => ({ name, icon: `mark-${mark}`, act: () => talk.react(mark) })),
    ]);
  }

  /** Shows whose hands are up; whoever raised one since is read out. */
  roomChanged() {
    const { hands, raised } = this.call.talk;
    this.#button.classList.toggle("wanted", raised);
    // A button in the list that has the focus keeps it while nothing in it is new.
    const shown = JSON.stringify([this.call.hosting.allowed, ...hands.map((id) => this.#name(id))]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const fresh = hands.filter((id) => !this.#raised.includes(id) && id !== this.call.self);
    this.#raised = hands;
    this.#hands.hidden = !hands.length;
    this.#hands.replaceChildren(...hands.map((id) => this.#row(id)));
    if (fresh.length) this.#said.textContent = fresh.map((id) => t("{name} raised a hand", { name: this.#name(id) })).join(", ");
  }

  /**
   * @param {string} name who reacted
   * @param {Mark} mark
   */
  announce(name, mark) {
    this.#said.textContent = `${name}: ${NAMES.get(mark) ?? ""}`;
  }

  /** @param {string} id */
  #name(id) {
    const name = this.call.participant(id)?.name ?? "";
    return id === this.call.self ? t("{name} (you)", { name }) : name;
  }

  /** @param {string} id */
  #row(id) {
    const name = this.#name(id);
    const row = element("li", { "data-testid": "hand" }, icon("hand"), element("span", { dir: "auto" }, name));
    if (id !== this.call.self && !this.call.hosting.allowed) return row;
    const lower = element("button", { type: "button", class: "quiet-button", "aria-label": t("Lower the hand of {name}", { name }), title: t("Lower the hand") }, icon("close"));
    lower.addEventListener("click", () => this.call.talk.setHand(id, false));
    row.append(lower);
    return row;
  }
}
