/** The panels beside the tiles, one open at a time: each with the button that opens it and one that closes it. */

/**
 * @typedef {object} SidePanel
 * @property {HTMLElement} panel
 * @property {HTMLButtonElement} button
 * @property {HTMLButtonElement} close
 */

export class SidePanels {
  /** @param {SidePanel[]} panels */
  constructor(panels) {
    this.panels = panels;
    for (const entry of panels) {
      entry.button.addEventListener("click", () => this.toggle(entry.panel));
      entry.close.addEventListener("click", () => {
        this.toggle(entry.panel, false);
        entry.button.focus();
      });
    }
  }

  /**
   * @param {HTMLElement} panel
   * @param {boolean} [open]
   */
  toggle(panel, open = !!panel.hidden) {
    for (const entry of this.panels) {
      const shown = entry.panel === panel ? open : !open && !entry.panel.hidden;
      // A hidden element would take the keyboard's place in the page with it.
      if (!shown && entry.panel.contains(document.activeElement)) entry.button.focus();
      entry.panel.hidden = !shown;
      entry.button.setAttribute("aria-expanded", String(shown));
    }
  }
}
