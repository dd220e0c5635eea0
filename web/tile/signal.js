/** A sign on a tile of how good the connection is: full bars need no words. */
import { element } from "../ui/element.js";
import { levelOf } from "../call/link-figures.js";
import { t } from "../texts/texts.js";

/** @import { LinkFigure } from "../call/link-figures.js" */

const WORDS = { good: t("Good connection"), poor: t("Poor connection"), bad: t("Bad connection") };

export class Signal {
  root = element("span", { class: "signal gone", role: "img", "data-testid": "signal" }, element("i"), element("i"), element("i"));

  /** @param {LinkFigure | undefined} figure */
  show(figure) {
    this.root.classList.toggle("gone", !figure);
    if (!figure) return;
    const level = levelOf(figure);
    if (this.root.dataset.level === level) return;
    this.root.dataset.level = level;
    this.root.ariaLabel = this.root.title = WORDS[level];
  }
}
