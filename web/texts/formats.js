/** Times, numbers and lists as they are written where the reader is. */
import { language, t } from "./texts.js";
import { languageOf } from "./catalogue.js";

/** English of Britain, say, when that is the browser's, but no other language than that of the words around it. */
const locale = navigator.languages.find((tag) => languageOf(tag) === language) ?? language;

// Whoever reads English for want of their own language keeps their clock.
const { hourCycle } = new Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions();
const times = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle });
const dates = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit", hourCycle });
const lists = new Intl.ListFormat(locale, { type: "conjunction", style: "narrow" });

/**
 * @param {number} t Unix seconds
 * @returns {string} the time of day
 */
export function clock(t) {
  return times.format(t * 1000);
}

/**
 * @param {Date} moment
 * @returns {string} the day, and the time of day
 */
export function dateAndTime(moment) {
  return dates.format(moment);
}

/**
 * @param {number} value
 * @param {number} [digits] after the point
 */
export function number(value, digits = 0) {
  return value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/**
 * @param {number} share 0..1
 * @param {number} [digits]
 */
export function percent(share, digits = 0) {
  return t("{n} %", { n: number(100 * share, digits) });
}

/** @param {string[]} names */
export function list(names) {
  return lists.format(names);
}
