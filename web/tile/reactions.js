/** Reactions on somebody's picture: they rise and go; without motion they stand for the same time. */
import { element, icon } from "../ui/element.js";

/** @import { Mark } from "../types.js" */

const SHOWN_MS = 3500;
const MOST = 6;

/**
 * @param {HTMLElement} figure of the tile
 * @param {Mark} mark
 */
export function showReaction(figure, mark) {
  const shown = figure.querySelectorAll(".reaction");
  if (shown.length >= MOST) shown[0]?.remove();
  const sign = element("span", { class: "reaction", "data-testid": "reaction", "data-mark": mark, "aria-hidden": "true" }, icon(`mark-${mark}`));
  // Several at once stand beside each other.
  sign.style.setProperty("--place", String(shown.length % MOST));
  figure.append(sign);
  setTimeout(() => sign.remove(), SHOWN_MS);
}
