/** The last seconds of one participant's faces, asked by the capture time of the picture, and their voices without a face. */

/** @import { FaceOverlay, VoiceOverlay } from "../types.js" */

const KEPT_S = 3;
const STALE_S = 1;
const REMEMBERED_MS = 15_000;
const RTP_WRAP_S = 2 ** 32 / 90000;

/**
 * @param {number} rtp timestamp of the shown frame, 90 kHz, modulo 2^32
 * @param {number} base
 * @param {number} near a time within a few hours of the answer, seconds
 * @returns {number} the frame's capture time on the publisher's clock, seconds
 */
export function captureTime(rtp, base, near) {
  const seconds = (((rtp - base) % 2 ** 32) + 2 ** 32) % 2 ** 32 / 90000;
  return seconds + Math.round((near - seconds) / RTP_WRAP_S) * RTP_WRAP_S;
}

/**
 * @param {FaceOverlay} from
 * @param {FaceOverlay} to
 * @param {number} part 0..1
 * @returns {FaceOverlay}
 */
function between(from, to, part) {
  /** @param {number} a @param {number} b */
  const mix = (a, b) => a + (b - a) * part;
  const box = /** @type {FaceOverlay["box"]} */ (from.box.map((value, i) => mix(value, to.box[i] ?? value)));
  return { ...to, box, speaking: mix(from.speaking, to.speaking) };
}

export class FaceHistory {
  /** @type {{ t: number, faces: FaceOverlay[] }[]} in order of t */
  #kept = [];
  #arrived = -Infinity;
  /** @type {VoiceOverlay[]} */ #voices = [];
  /** @type {Map<number, number>} when each speaker was last told of */ #seen = new Map();

  /** Capture time of the newest faces, or null before the first. */
  get newestTime() {
    return this.#kept.at(-1)?.t ?? null;
  }

  /**
   * @param {number} t
   * @param {FaceOverlay[]} faces
   * @param {VoiceOverlay[]} voices
   */
  push(t, faces, voices = []) {
    const newest = this.newestTime;
    // Whoever reconnects or changes machine may come back with another clock.
    if (newest !== null && Math.abs(t - newest) > KEPT_S) this.#kept = [];
    let at = this.#kept.length;
    while (at > 0 && (this.#kept[at - 1]?.t ?? 0) > t) at -= 1;
    this.#kept.splice(at, 0, { t, faces });
    const oldest = (this.newestTime ?? t) - KEPT_S;
    while ((this.#kept[0]?.t ?? oldest) < oldest) this.#kept.shift();
    this.#arrived = performance.now();
    this.#voices = voices;
    for (const { id } of [...faces, ...voices]) this.#seen.set(id, this.#arrived);
  }

  /** @returns {number[]} speakers of the last seconds: a fader must not vanish because someone turns away, or pauses */
  recent() {
    const since = performance.now() - REMEMBERED_MS;
    for (const [id, at] of this.#seen) if (at < since) this.#seen.delete(id);
    return [...this.#seen.keys()];
  }

  /** @returns {FaceOverlay[]} the last word, empty when it is a second old */
  newest() {
    return this.#stale ? [] : (this.#kept.at(-1)?.faces ?? []);
  }

  /** @returns {VoiceOverlay[]} voices without a face, likewise */
  voices() {
    return this.#stale ? [] : this.#voices;
  }

  get #stale() {
    return performance.now() - this.#arrived >= STALE_S * 1000;
  }

  /**
   * @param {number | null} t capture time of the shown frame; null = not known
   * @returns {FaceOverlay[]}
   */
  at(t) {
    const next = t === null ? -1 : this.#kept.findIndex((entry) => entry.t >= t);
    const after = this.#kept[next];
    const before = this.#kept[next - 1];
    // Outside of what is kept (the frame is ahead of the models, or the clocks disagree) the newest is the best guess.
    if (t === null || !after || !before) return this.newest();
    const part = (t - before.t) / (after.t - before.t || 1);
    const nearest = part < 0.5 ? before : after;
    return nearest.faces.map((face) => {
      const from = before.faces.find(({ id }) => id === face.id);
      const to = after.faces.find(({ id }) => id === face.id);
      return from && to ? between(from, to, part) : face;
    });
  }
}
