/** Hold the space bar to talk while the microphone is muted. Never while something is typed, or space means something else. */

/** @import { LocalMedia } from "../call/media.js" */

const TYPED = "input, select, textarea, [contenteditable], [role=tab], [role=log], a, summary, audio, video";

export class PushToTalk {
  #held = false;
  /** @type {Element | null} the button that was clicked last, while it has the focus */ #clicked = null;

  /**
   * @param {LocalMedia} media
   * @param {() => void} toggleMute as the button does
   * @param {() => boolean} allowed whether keys are for the call now
   */
  constructor(media, toggleMute, allowed) {
    this.media = media;
    this.toggleMute = toggleMute;
    this.allowed = allowed;
    addEventListener("pointerdown", ({ target }) => (this.#clicked = target instanceof Element ? target.closest("button") : null), true);
    addEventListener("focusin", ({ target }) => target !== this.#clicked && (this.#clicked = null));
    addEventListener("keydown", (event) => this.#down(event), true);
    addEventListener("keyup", (event) => this.#up(event), true);
    // Whoever goes elsewhere with the key down would be heard for ever.
    addEventListener("blur", () => this.#release());
    document.addEventListener("visibilitychange", () => document.hidden && this.#release());
  }

  /** @param {KeyboardEvent} event */
  #down(event) {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (this.#held) return void event.preventDefault();
    if (event.repeat || !this.media.muted || !this.media.tracks.audio || !this.allowed()) return;
    const target = event.target instanceof Element ? event.target : null;
    // A button that was reached by keys is pressed by space; one that was only clicked before is not meant.
    if (target?.closest(TYPED) || (target?.closest("button") && target.closest("button") !== this.#clicked)) return;
    event.preventDefault();
    this.#held = true;
    this.toggleMute();
    document.documentElement.classList.add("push-to-talk");
  }

  /** @param {KeyboardEvent} event */
  #up(event) {
    if (event.key !== " " || !this.#held) return;
    // Else the button that has the focus would be clicked.
    event.preventDefault();
    this.#release();
  }

  #release() {
    if (!this.#held) return;
    this.#held = false;
    document.documentElement.classList.remove("push-to-talk");
    if (!this.media.muted) this.media.setMuted(true);
  }
}
