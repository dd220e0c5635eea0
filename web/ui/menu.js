/** A small menu at the thing it belongs to: for pointer and keyboard. */
import { element, icon } from "./element.js";

const GAP = 4;

/**
 * @typedef {object} MenuItem
 * @property {string} name
 * @property {boolean} [checked] given = one of several of which one holds
 * @property {string} [icon] before its name
 * @property {() => void} act
 */

export class Menu {
  #root;

  /**
   * @param {string} label for screen readers
   * @param {string} testid
   */
  constructor(label, testid) {
    this.#root = element("div", { class: "menu", role: "menu", "aria-label": label, "data-testid": testid, popover: "auto" });
    // The browser closes it with Escape or a click elsewhere, and gives the focus back.
    this.#root.addEventListener("toggle", (event) => {
      if (event instanceof ToggleEvent && event.newState === "closed") this.#root.remove();
    });
    this.#root.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * @param {HTMLElement} anchor what was clicked
   * @param {MenuItem[]} choices
   */
  open(anchor, choices) {
    const items = choices.map(({ name, checked, icon: sign, act }) => {
      const one = checked !== undefined;
      const kind = { role: one ? "menuitemradio" : "menuitem", "aria-checked": one && String(checked) };
      const item = element("button", { type: "button", ...kind, dir: "auto" }, ...(sign ? [icon(sign)] : []), name);
      item.addEventListener("click", () => {
        this.#root.hidePopover();
        act();
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
