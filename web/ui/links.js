/** Text of other people with its web addresses as links: never markup, and only http and https. */
import { element } from "./element.js";

const ADDRESS = /https?:\/\/[^\s<>"']+/gi;
/** Of a sentence, and not of the address in it. */
const AFTER = /[.,;:!?)\]}…]+$/;

/**
 * @param {string} text
 * @returns {(Node | string)[]} to stand in the page one after the other
 */
export function linked(text) {
  /** @type {(Node | string)[]} */
  const parts = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = found.replace(AFTER, "");
    const url = URL.canParse(address) ? new URL(address) : null;
    if (!url || !["http:", "https:"].includes(url.protocol) || !url.hostname) continue;
    parts.push(text.slice(at, index));
    parts.push(element("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow", referrerpolicy: "no-referrer" }, address));
    at = index + address.length;
  }
  return [...parts, text.slice(at)];
}
