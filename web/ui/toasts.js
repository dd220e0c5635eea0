/** Short notices at the edge of the screen, read out by screen readers. */
import { element, find, icon } from "./element.js";
import { t } from "../texts/texts.js";

const SHOWN_MS = 6000;
/** For the answer to a key. */
export const BRIEF_MS = 2000;

/**
 * @param {string} message
 * @param {"info" | "error"} [kind]
 * @param {number} [shownMs]
 * @returns {() => void} takes it away
 */
export function toast(message, kind = "info", shownMs = SHOWN_MS) {
  const region = find(kind === "error" ? "#toasts-alert" : "#toasts", HTMLElement);
  for (const shown of region.children) {
    if (shown.firstElementChild?.textContent === message) return () => shown.remove();
  }
  const close = element("button", { class: "quiet-button", type: "button", "aria-label": t("Dismiss") }, icon("close"));
  const box = element("div", { class: `toast toast-${kind}` }, element("p", {}, message), close);
  let timer = 0;
  const hold = () => clearTimeout(timer);
  const release = () => {
    hold();
    timer = setTimeout(() => box.remove(), shownMs);
  };
  close.addEventListener("click", () => box.remove());
  box.addEventListener("pointerenter", hold);
  box.addEventListener("pointerleave", release);
  box.addEventListener("focusin", hold);
  box.addEventListener("focusout", release);
  region.append(box);
  release();
  return () => box.remove();
}
