/** Tabs after the pattern that screen readers know: arrow keys move, one tab stop. */

export class Tabs {
  /** @type {HTMLElement[]} */ #tabs;

  /** @param {HTMLElement} list role="tablist", its tabs name their panels by aria-controls */
  constructor(list) {
    this.#tabs = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=tab]")]);
    for (const tab of this.#tabs) tab.addEventListener("click", () => this.show(tab.getAttribute("aria-controls") ?? ""));
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {string} panel its id */
  show(panel) {
    for (const tab of this.#tabs) {
      const id = tab.getAttribute("aria-controls") ?? "";
      tab.setAttribute("aria-selected", String(id === panel));
      tab.tabIndex = id === panel ? 0 : -1;
      const shown = document.getElementById(id);
      if (shown) shown.hidden = id !== panel;
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const at = this.#tabs.findIndex((tab) => tab === event.target);
    const many = this.#tabs.length;
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: (at + 1) % many, ArrowLeft: (at + many - 1) % many, Home: 0, End: many - 1 };
    const next = this.#tabs[steps[event.key] ?? -1];
    if (at < 0 || !next) return;
    this.show(next.getAttribute("aria-controls") ?? "");
    next.focus();
    event.preventDefault();
  }
}
