/** Who talks, for a view that follows: by the server's attribution, and without flicker. */

/** Somebody counts as talking from here on. */
const TALKING = 0.5;
/** Whoever is in view stays for so long at least. */
const HOLD_MS = 2000;
/** A word in between takes nobody's place: the next one has to have talked for so long. */
const LEAD_MS = 600;
/** Between two words of one sentence nobody talks for a moment. */
const PAUSE_MS = 400;

export class ActiveSpeaker {
  /** @type {string | null} in view */ now = null;
  #since = -Infinity;
  /** @type {string | null} who talks and is not in view */ #next = null;
  #nextSince = 0;
  #nextHeard = 0;

  /**
   * @param {Map<string, number>} speaking how surely each participant talks, 0..1: of all who may be in view
   * @param {number} now ms
   * @returns {boolean} whether somebody else is in view now
   */
  step(speaking, now) {
    const before = this.now;
    if (this.now !== null && !speaking.has(this.now)) this.now = null;
    const [loudest, how] = [...speaking].reduce((best, one) => (one[1] > best[1] ? one : best), /** @type {[string | null, number]} */ ([null, 0]));
    const talks = how >= TALKING ? loudest : null;
    if (this.now === null) this.#show(talks ?? speaking.keys().next().value ?? null, now);
    else if (talks !== null && talks !== this.now) this.#consider(talks, now);
    else if (talks !== null || now - this.#nextHeard > PAUSE_MS) this.#next = null;
    return this.now !== before;
  }

  /**
   * @param {string} who
   * @param {number} now
   */
  #consider(who, now) {
    if (who !== this.#next) [this.#next, this.#nextSince] = [who, now];
    this.#nextHeard = now;
    if (now - this.#nextSince >= LEAD_MS && now - this.#since >= HOLD_MS) this.#show(who, now);
  }

  /**
   * @param {string | null} who
   * @param {number} now
   */
  #show(who, now) {
    this.now = who;
    this.#since = now;
    this.#next = null;
  }
}
