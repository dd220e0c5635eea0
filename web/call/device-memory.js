/** Which devices were chosen, and how good the picture shall be: kept in this browser for the next call. */

const KEY = "earshot.devices";

/** @typedef {"audio" | "video" | "speaker" | "picture" | "noise"} Choice */

/** @returns {Partial<Record<Choice, string>>} */
function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return kept && typeof kept === "object" ? kept : {};
  } catch {
    return {}; // storage may be forbidden, or hold something else
  }
}

/**
 * @param {Choice} what
 * @returns {string} "" = nothing was chosen
 */
export function remembered(what) {
  const kept = read()[what];
  return typeof kept === "string" ? kept : "";
}

/**
 * @param {Choice} what
 * @param {string} value
 */
export function remember(what, value) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...read(), [what]: value }));
  } catch {
    // then it holds until the page is left
  }
}
