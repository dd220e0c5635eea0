/** A level meter for a microphone track. */

const FLOOR_DB = -60;

export class LevelMeter {
  /** @type {AudioContext | null} */ #context = null;
  /** @type {MediaStreamAudioSourceNode | null} */ #source = null;
  /** @type {MediaStreamTrack | null} */ #track = null;
  #shown = 0;

  /** @param {HTMLElement} bar */
  constructor(bar) {
    this.bar = bar;
  }

  /** @param {MediaStreamTrack | null} track null stops the meter and frees the audio device */
  follow(track) {
    if (track === this.#track) return;
    this.#track = track;
    this.#source?.disconnect();
    this.#source = null;
    this.#show(0);
    if (!track) {
      void this.#context?.close();
      this.#context = null;
      return;
    }
    this.#context ??= new AudioContext();
    // Before the first click a context may start suspended; the click that chooses a device resumes it.
    void this.#context.resume();
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const draw = () => {
      if (this.#track !== track) return;
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const level = Math.max(0, 1 - (10 * Math.log10(power + 1e-10)) / FLOOR_DB);
      // Fast up, slow down: a word stays readable on the bar.
      this.#shown = Math.max(level, this.#shown * 0.92);
      this.#show(this.#shown);
      requestAnimationFrame(draw);
    };
    draw();
  }

  /** @param {number} level 0..1 */
  #show(level) {
    this.bar.style.setProperty("--level", `${Math.round(level * 100)}%`);
    this.bar.setAttribute("aria-valuenow", String(Math.round(level * 100)));
  }
}
