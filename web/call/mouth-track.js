/** How one made mouth moves: rows by the time at which their sound is heard. */
import { bytesOf } from "../ui/bytes.js";

/** @import { Mouth } from "../types.js" */
/** @import { ListeningClock } from "./listening-clock.js" */

const STEP = 0.04;
const WIDTH = 11;
const AMOUNT = 31;
const SHARE = 127;
const KEPT = 50;
/** Where it is not known what is heard, a row is shown when it is sure: so much later than it came. */
const BLIND = 0.16;
/** Seconds after the last row in which the mouth comes to rest. */
const CLOSING = 0.2;

/** @returns {number} seconds */
const local = () => performance.now() / 1000;

export class MouthTrack {
  /** @type {{ at: number, row: Int8Array }[]} the oldest first */ #rows = [];
  #mixed = false;
  #shown = new Float32Array(WIDTH);

  /**
   * @param {ListeningClock} clock
   * @param {boolean} own nobody hears themselves: shown as soon as it is known
   */
  constructor(clock, own) {
    this.clock = clock;
    this.own = own;
  }

  /** @param {Mouth} message */
  push({ at, rows }) {
    const data = new Int8Array(bytesOf(rows).buffer);
    const count = data.length / WIDTH;
    const mixed = !this.own && at !== null && this.clock.now(at) !== null;
    if (mixed !== this.#mixed) this.#rows = [];
    this.#mixed = mixed;
    const first = mixed && at !== null ? at : local() - (count - 1) * STEP + (this.own ? 0 : BLIND);
    // What was a guess before is better known now.
    const kept = this.#rows.filter((known) => known.at < first - STEP / 2).slice(-KEPT);
    const fresh = Array.from({ length: count }, (_, i) => ({ at: first + i * STEP, row: data.subarray(i * WIDTH, (i + 1) * WIDTH) }));
    this.#rows = [...kept, ...fresh];
  }

  /** @returns {number | null} how many seconds of the mouth are known beyond what is heard now; null without any */
  get ahead() {
    const last = this.#rows.at(-1);
    const now = last && this.#now(last.at);
    return last && now != null ? last.at - now : null;
  }

  /** @returns {Float32Array} ten amounts, and how far the mouth leaves its rest: of the sound that is heard now */
  now() {
    const last = this.#rows.at(-1);
    const t = last && this.#now(last.at);
    if (!last || t == null || t > last.at + CLOSING) return this.#shown.fill(0);
    const next = this.#rows.findIndex(({ at }) => at > t);
    const b = this.#rows[next < 0 ? this.#rows.length - 1 : next] ?? last;
    const a = this.#rows[next > 0 ? next - 1 : 0] ?? last;
    const share = next > 0 && b.at > a.at ? Math.min(1, (t - a.at) / (b.at - a.at)) : 1;
    const from = next === 0 ? b : a;
    for (let i = 0; i < WIDTH; i += 1) {
      const value = from.row[i] * (1 - share) + b.row[i] * share;
      this.#shown[i] = value / (i === WIDTH - 1 ? SHARE : AMOUNT);
    }
    const rest = next < 0 ? Math.min(Math.max(1 - (t - last.at) / CLOSING, 0), 1) : 1;
    this.#shown[WIDTH - 1] = this.#shown[WIDTH - 1] * rest;
    return this.#shown;
  }

  /** @param {number} near */
  #now(near) {
    return this.#mixed ? this.clock.now(near) : local();
  }
}
