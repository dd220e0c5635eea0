/** Notices that somebody talks while muted. Their sound is measured in this page alone, and goes nowhere. */

/** @import { LocalMedia } from "./media.js" */

const EVERY_MS = 100;
/** Above the quietest of the last seconds, and above what any microphone hisses. */
const ABOVE_DB = 15;
const LEAST_DB = -50;
const FLOOR_RISES_DB = 0.5;
/** So many of the last looks have to be loud: a word is, a cough or a key is not. */
const LOOKS = 10;
const LOUD = 6;
/** Told again only after so long a silence. */
const SILENCE_MS = 20_000;

/**
 * Decides from levels whether somebody talks.
 */
export class TalkDetector {
  /** @type {boolean[]} */ #loud = [];
  #floor = LEAST_DB;
  #talkedAt = -Infinity;

  /**
   * @param {number} level dB of full scale over the last look
   * @param {number} now ms
   * @returns {boolean} whether a stretch of talk begins
   */
  step(level, now) {
    this.#floor = Math.min(level, this.#floor + FLOOR_RISES_DB);
    this.#loud.push(level > Math.max(LEAST_DB, this.#floor + ABOVE_DB));
    if (this.#loud.length > LOOKS) this.#loud.shift();
    if (this.#loud.filter(Boolean).length < LOUD) return false;
    const begins = now - this.#talkedAt > SILENCE_MS;
    this.#talkedAt = now;
    return begins;
  }
}

export class MutedTalk {
  #detector = new TalkDetector();
  /** @type {MediaStreamTrack | null} whose muted twin is sent */ #track = null;
  /** @type {(() => void) | null} */ #stop = null;

  /**
   * @param {LocalMedia} media
   * @param {() => void} onTalk once a stretch
   */
  constructor(media, onTalk) {
    this.media = media;
    this.onTalk = onTalk;
    media.addEventListener("change", () => this.#follow());
    this.#follow();
  }

  #follow() {
    const track = this.media.muted ? this.media.tracks.audio : null;
    if (track === this.#track) return;
    this.#track = track;
    this.#stop?.();
    this.#stop = track && this.#listen(track);
  }

  /**
   * @param {MediaStreamTrack} track
   * @returns {() => void} stops it
   */
  #listen(track) {
    // A muted track is silent here, too; a twin of it that nobody is sent is not.
    const twin = track.clone();
    twin.enabled = true;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 4096;
    context.createMediaStreamSource(new MediaStream([twin])).connect(analyser);
    void context.resume();
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      if (this.#detector.step(10 * Math.log10(power + 1e-10), performance.now())) this.onTalk();
    }, EVERY_MS);
    return () => {
      clearInterval(timer);
      twin.stop();
      void context.close();
    };
  }
}
