/** The last second of one participant's localization maps, asked by the capture time of the picture on the screen. */
import { bytesOf } from "../ui/bytes.js";

/** @import { LocalizationMap } from "../types.js" */

const KEPT_S = 1.5;
const HELD_MS = 1000;
const FADE_MS = 300;
/** Steps between two maps: more would only be repainted without being seen. */
const STEPS = 8;
const LARGEST = 64;

/**
 * @typedef {object} Heat
 * @property {Float32Array} values 0..1, row by row
 * @property {number} rows
 * @property {number} columns
 */

/**
 * @typedef {object} ShownHeat
 * @property {Heat} heat the same object while there is nothing to repaint
 * @property {number} level 0..1, falls when no map has come for a second
 * @property {[number, number] | null} peak fractions of the picture
 */

/**
 * @param {string} base64 a byte a cell
 * @param {number} rows
 * @param {number} columns
 * @param {number} scale
 * @returns {Heat | null} null when it is not what it says
 */
export function heatOf(base64, rows, columns, scale) {
  const bytes = bytesOf(base64);
  if (!(rows > 0 && columns > 0 && rows <= LARGEST && columns <= LARGEST) || bytes.length !== rows * columns) return null;
  return { rows, columns, values: Float32Array.from(bytes, (byte) => (byte / 255) * scale) };
}

export class HeatTrack {
  /** @type {{ t: number, heat: Heat, peak: [number, number] | null }[]} in order of t */
  #kept = [];
  #arrived = -Infinity;
  /** @type {{ key: string, heat: Heat } | null} */ #blend = null;

  /** Capture time of the newest map, or null before the first. */
  get newestTime() {
    return this.#kept.at(-1)?.t ?? null;
  }

  /**
   * @param {LocalizationMap} message
   * @param {number} now milliseconds
   */
  push(message, now) {
    const { t, peak, rows, columns } = message;
    const heat = heatOf(message.heat, rows, columns, peak ? message.score : 0);
    if (!heat) return;
    // Whoever comes back with another clock starts afresh.
    if (Math.abs(t - (this.newestTime ?? t)) > 2 * KEPT_S) this.#kept = [];
    this.#kept = this.#kept.filter((entry) => entry.t < t && entry.t > t - KEPT_S);
    this.#kept.push({ t, heat, peak });
    this.#arrived = now;
  }

  /**
   * @param {number | null} t capture time of the shown frame; null = not known
   * @param {number} now milliseconds
   * @returns {ShownHeat | null} null = nothing to draw
   */
  at(t, now) {
    const level = Math.min(1, Math.max(0, 1 - (now - this.#arrived - HELD_MS) / FADE_MS));
    const newest = this.#kept.at(-1);
    if (!level || !newest) return null;
    const next = t === null ? -1 : this.#kept.findIndex((entry) => entry.t >= t);
    const after = this.#kept[next];
    const before = this.#kept[next - 1];
    if (t === null || !after || !before) return newest.peak && { heat: newest.heat, level, peak: newest.peak };
    const step = Math.round(((t - before.t) / (after.t - before.t)) * STEPS);
    const nearest = step < STEPS / 2 ? before : after;
    if (!before.peak && !after.peak) return null;
    return { heat: this.#between(before, after, step), level, peak: nearest.peak };
  }

  /**
   * @param {{ t: number, heat: Heat }} before
   * @param {{ t: number, heat: Heat }} after
   * @param {number} step 0..STEPS
   * @returns {Heat}
   */
  #between(before, after, step) {
    if (step === STEPS || before.heat.values.length !== after.heat.values.length) return after.heat;
    if (step === 0) return before.heat;
    const key = `${before.t} ${after.t} ${step}`;
    if (this.#blend?.key === key) return this.#blend.heat;
    const to = after.heat.values;
    const values = before.heat.values.map((value, i) => value + (((to[i] ?? 0) - value) * step) / STEPS);
    const heat = { ...after.heat, values };
    this.#blend = { key, heat };
    return heat;
  }
}
