/** Before the call: three seconds of oneself, recorded in this page alone and played back as the others would get them. */
import { t } from "../texts/texts.js";

/** @import { LocalMedia } from "../call/media.js" */

const RECORD_MS = 3000;

/** @typedef {"ready" | "recording" | "playing"} CheckState */

export class SelfCheck {
  /** @type {CheckState} */ state = "ready";
  #stop = () => {};

  /**
   * @param {LocalMedia} media
   * @param {HTMLVideoElement} player where it is seen and heard
   * @param {(state: CheckState, problem: string) => void} onState
   */
  constructor(media, player, onState) {
    this.media = media;
    this.player = player;
    this.onState = onState;
  }

  static get offered() {
    return "MediaRecorder" in window;
  }

  /** Records and plays; pressed again, it ends. */
  async toggle() {
    if (this.state !== "ready") return this.stop();
    const tracks = [this.media.tracks.audio, this.media.tracks.video].filter((track) => !!track);
    if (!tracks.length) return;
    let over = false;
    this.#stop = () => (over = true);
    try {
      this.#tell("recording");
      const recorded = await this.#record(new MediaStream(tracks));
      if (over) return;
      this.#tell("playing");
      await this.#play(recorded);
    } catch {
      if (!over) this.#end(t("This could not be recorded in this browser."));
      return;
    }
    if (!over) this.#end("");
  }

  /** Ends it at once; nothing of it is kept. */
  stop() {
    this.#stop();
    this.#end("");
  }

  /** @param {string} problem */
  #end(problem) {
    this.player.pause();
    if (this.player.src) URL.revokeObjectURL(this.player.src);
    this.player.removeAttribute("src");
    this.player.load();
    this.#tell("ready", problem);
  }

  /**
   * @param {MediaStream} stream
   * @returns {Promise<Blob>}
   */
  #record(stream) {
    const recorder = new MediaRecorder(stream);
    /** @type {Blob[]} */
    const parts = [];
    recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
    return new Promise((resolve, reject) => {
      recorder.addEventListener("stop", () => resolve(new Blob(parts, { type: recorder.mimeType })), { once: true });
      recorder.addEventListener("error", () => reject(new Error("not recorded")), { once: true });
      recorder.start();
      setTimeout(() => recorder.state !== "inactive" && recorder.stop(), RECORD_MS);
    });
  }

  /** @param {Blob} blob */
  async #play(blob) {
    this.player.src = URL.createObjectURL(blob);
    this.player.muted = false;
    const over = new Promise((resolve, reject) => {
      this.player.addEventListener("ended", resolve, { once: true });
      this.player.addEventListener("error", reject, { once: true });
    });
    await this.player.play();
    await over;
  }

  /**
   * @param {CheckState} state
   * @param {string} [problem]
   */
  #tell(state, problem = "") {
    this.state = state;
    this.onState(state, problem);
  }
}
