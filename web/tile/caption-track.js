/** What was said a moment ago in one participant's sound: for each speaker the last final lines and the one under way. */
import { told } from "../texts/texts.js";

/** @import { CaptionLine } from "../types.js" */

/** A line that is still growing when the server falls silent does not stay for ever. */
const PARTIAL_MS = 5000;
const SHORTEST_MS = 3000;
const READ_MS_A_CHARACTER = 65;
/** Two lines on the screen hold no more. */
const MOST_LINES = 3;

/**
 * @typedef {object} Line
 * @property {number} id
 * @property {string} text
 * @property {boolean} final
 * @property {number} until milliseconds
 */

/** @typedef {number | "rest" | "sound"} Voice a speaker, what no speaker accounts for, or what is no voice */

/**
 * @param {string} text
 * @param {boolean} final
 */
function shownFor(text, final) {
  return final ? Math.max(SHORTEST_MS, text.length * READ_MS_A_CHARACTER) : PARTIAL_MS;
}

export class CaptionTrack {
  /** @type {Map<Voice, Line[]>} */ #voices = new Map();

  /**
   * @param {CaptionLine} message
   * @param {number} now milliseconds
   */
  push({ face, id, text, final }, now) {
    const voice = face ?? "rest";
    // The voice may turn out to be another face's while the line grows.
    for (const [other, lines] of this.#voices) {
      if (other === voice || !lines.some((line) => line.id === id && !line.final)) continue;
      this.#voices.set(
        other,
        lines.filter((line) => line.id !== id),
      );
    }
    const lines = this.#voices.get(voice) ?? [];
    const known = lines.find((line) => line.id === id);
    // Finals never change, and a line that comes late has been passed on the screen already.
    if (known?.final || (!known && lines.some((line) => line.id > id))) return;
    // An earlier line that is not final either is over, and being read once more.
    const others = lines.filter((line) => line.id !== id);
    const line = text ? [{ id, text, final, until: now + shownFor(text, final) }] : [];
    this.#voices.set(voice, [...others, ...line].sort((a, b) => a.id - b.id).slice(-MOST_LINES));
  }

  /**
   * A finished line was given to another speaker: it moves, if it is still shown, and is shown no longer for that.
   * @param {CaptionLine} message
   */
  moved({ face, id }) {
    const to = face ?? "rest";
    for (const [from, lines] of this.#voices) {
      const line = from === "sound" || from === to ? undefined : lines.find((other) => other.id === id);
      if (!line) continue;
      this.#voices.set(
        from,
        lines.filter((other) => other !== line),
      );
      const there = this.#voices.get(to) ?? [];
      this.#voices.set(to, [...there, line].sort((a, b) => a.id - b.id).slice(-MOST_LINES));
      return;
    }
  }

  /**
   * @param {string[]} names of sounds
   * @param {number} now milliseconds
   */
  sound(names, now) {
    const text = names.map((name) => `[${told(name)}]`).join(" ");
    this.#voices.set("sound", [{ id: 0, text, final: true, until: now + SHORTEST_MS }]);
  }

  /**
   * @param {number} now milliseconds
   * @returns {Map<Voice, Line[]>} oldest line first, nothing outdated, no empty list
   */
  current(now) {
    for (const [voice, lines] of this.#voices) {
      const newest = lines.at(-1);
      // While someone speaks on, the line before stays above theirs.
      if (!newest || newest.until < now) this.#voices.delete(voice);
      else if (lines.some((line) => line.until < now - READ_MS_A_CHARACTER * 40)) {
        this.#voices.set(
          voice,
          lines.filter((line) => line.until >= now - READ_MS_A_CHARACTER * 40),
        );
      }
    }
    return this.#voices;
  }
}
