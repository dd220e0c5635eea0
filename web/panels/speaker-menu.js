/** A small menu of one participant's speakers: who said a line. */
import { element } from "../ui/element.js";

const GAP = 4;

/**
 * @typedef {object} Choice
 * @property {number | null} face null = what no speaker accounts for
 * @property {string} name
 */

export class SpeakerMenu {
  #root = element("div", { class: "speaker-menu", role: "menu", "aria-label": "Who said this", "data-testid": "speaker-menu", popover: "auto" });

  constructor() {
    // The browser closes it with Escape or a click elsewhere, and gives the focus back.
    this.#root.addEventListener("toggle", (event) => {
      if (event instanceof ToggleEvent && event.newState === "closed") this.#root.remove();
    });
    this.#root.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * @param {HTMLElement} anchor what was clicked
   * @param {Choice[]} choices
   * @param {number | null} now who is said to have said it
   * @param {(face: number | null) => void} onChoice
   */
  open(anchor, choices, now, onChoice) {
    const items = choices.map(({ face, name }) => {
      const item = element("button", { type: "button", role: "menuitemradio", "aria-checked": String(face === now), dir: "auto" }, name);
      item.addEventListener("click", () => {
        this.#root.hidePopover();
        if (face !== now) onChoice(face);
      });
      return item;
    });
    this.#root.replaceChildren(...items);
    document.body.append(this.#root);
    this.#root.showPopover();
    const { left, bottom, top } = anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.#root;
    const below = bottom + GAP + height < innerHeight;
    this.#root.style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`;
    this.#root.style.top = `${Math.max(GAP, below ? bottom + GAP : top - GAP - height)}px`;
    (items.find((item) => item.ariaChecked === "true") ?? items[0])?.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    // The keys of the call mean nothing in here.
    event.stopPropagation();
    if (!step) return;
    event.preventDefault();
    const items = /** @type {HTMLElement[]} */ ([...this.#root.children]);
    const at = items.findIndex((item) => item === document.activeElement);
    items[(at + step + items.length) % items.length]?.focus();
  }
}
