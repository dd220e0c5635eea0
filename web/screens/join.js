/** The screen before the call: name, devices, preview. */
import { DevicePickers } from "./devices.js";
import { find } from "../ui/element.js";
import { LevelMeter } from "../ui/meter.js";
import { PortraitChooser } from "../portrait/chooser.js";
import { SelfCheck } from "./self-check.js";
import { t } from "../texts/texts.js";

/** @import { LocalMedia } from "../call/media.js" */
/** @import { PortraitWish } from "../portrait/wish.js" */
/** @import { CheckState } from "./self-check.js" */

const NAME_KEY = "earshot.name";

/** @returns {string} */
function rememberedName() {
  try {
    return localStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return ""; // storage may be forbidden
  }
}

/** @param {string} name */
function rememberName(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // then the name is asked again
  }
}

export class JoinScreen {
  section = find("#join", HTMLElement);
  #form = find("#join-form", HTMLFormElement);
  #name = find("#join-name", HTMLInputElement);
  #nameProblem = find("#join-name-problem", HTMLElement);
  #problem = find("#join-problem", HTMLElement);
  #join = find("#join-button", HTMLButtonElement);
  #watch = find("#watch-button", HTMLButtonElement);
  #video = find("#preview-video", HTMLVideoElement);
  #off = find("#preview-off", HTMLElement);
  #meter = new LevelMeter(find("#join-level", HTMLElement));
  #start = find("#preview-start", HTMLButtonElement);
  #devices = find("#join-devices", HTMLElement);
  #replay = find("#preview-replay", HTMLVideoElement);
  #checkButton = find("#self-check", HTMLButtonElement);
  /** @type {SelfCheck} */ #check;
  #busy = false;
  #asking = false;
  #turn = 0;

  /**
   * @param {LocalMedia} media
   * @param {PortraitWish} wish
   * @param {(name: string, watch: boolean) => Promise<void>} enter rejects with the reason for staying here
   */
  constructor(media, wish, enter) {
    this.media = media;
    this.enter = enter;
    this.#video.muted = true;
    this.#name.value = rememberedName();
    new DevicePickers(media, {
      camera: find("#join-camera", HTMLSelectElement),
      microphone: find("#join-microphone", HTMLSelectElement),
    });
    this.#check = new SelfCheck(media, this.#replay, (state, problem) => this.#showCheck(state, problem));
    this.#checkButton.hidden = !SelfCheck.offered;
    this.#checkButton.addEventListener("click", () => void this.#check.toggle());
    find("#join-portrait", HTMLElement).append(new PortraitChooser(wish, media).root);
    media.addEventListener("change", () => this.#show());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.submit(false);
    });
    this.#watch.addEventListener("click", () => void this.submit(true));
    this.#start.addEventListener("click", () => void this.#askForDevices());
    this.#name.addEventListener("input", () => this.#nameRefused(""));
  }

  /** @param {string | null} name in place of the one remembered; devices stay off until a click asks for them */
  show(name) {
    this.section.hidden = false;
    if (name) this.#name.value = name;
    this.#show();
    if (!this.#name.value) this.#name.focus();
  }

  /** @param {boolean} watch */
  async submit(watch) {
    const name = this.#name.value.trim();
    if (!name && !watch) {
      this.#nameRefused(t("Please give a name, so that the others know who you are."));
      this.#name.focus();
      return;
    }
    if (this.#busy || (this.#asking && !watch)) return;
    const turn = (this.#turn += 1);
    if (!watch && !this.media.asked) {
      await this.#askForDevices();
      // Meanwhile they may have gone in to watch; and without a device they have to say whether to join all the same.
      if (turn !== this.#turn || !this.media.tracks.audio || !this.media.tracks.video) return;
    }
    this.#busy = true;
    this.#problem.textContent = "";
    this.#show();
    try {
      if (name) rememberName(name);
      await this.enter(name || t("Guest"), watch);
      this.#check.stop();
      this.#meter.follow(null);
      this.#video.srcObject = null;
      this.section.hidden = true;
    } catch (error) {
      this.#problem.textContent =
        error instanceof Error && error.name === "ApiError" ? error.message : t("The server could not be reached. Please try again.");
    } finally {
      this.#busy = false;
      this.#show();
    }
  }

  async #askForDevices() {
    this.#asking = true;
    const asked = this.media.start();
    this.#show();
    await asked;
    this.#asking = false;
    this.#show();
  }

  /**
   * @param {CheckState} state
   * @param {string} problem
   */
  #showCheck(state, problem) {
    const playing = state === "playing";
    this.#replay.hidden = !playing;
    this.#checkButton.textContent = state === "ready" ? t("Record 3 seconds of yourself") : t("Stop");
    const said = { ready: problem, recording: t("Recording: say something"), playing: t("This is how the others see and hear you") };
    find("#self-check-said", HTMLElement).textContent = said[state];
  }

  /** @param {string} problem */
  #nameRefused(problem) {
    this.#nameProblem.textContent = problem;
    this.#name.setAttribute("aria-invalid", String(problem !== ""));
  }

  #show() {
    if (this.section.hidden) return;
    const { audio, video } = this.media.tracks;
    const shown = this.#video.srcObject;
    if (!(shown instanceof MediaStream) || shown.getTracks()[0] !== video) {
      this.#video.srcObject = video && new MediaStream([video]);
      if (video) this.#video.play().catch(() => undefined);
    }
    const { asked } = this.media;
    this.#devices.hidden = !asked;
    this.#start.hidden = asked;
    this.#off.hidden = !asked || !!video;
    this.#off.textContent = this.#asking ? t("Waiting for the browser's permission…") : t("No camera");
    this.#meter.follow(audio);
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      find(`#join-${kind}-problem`, HTMLElement).textContent = this.media.problems[kind];
    }
    const partly = audio ? t("Join with sound only") : video ? t("Join with picture only") : t("Join the call");
    const choice = (video && audio) || !asked ? t("Join the call") : partly;
    this.#join.textContent = this.#busy ? t("Joining…") : choice;
    this.#join.disabled = this.#busy || this.#asking || (asked && !audio && !video);
    this.#watch.disabled = this.#busy;
  }
}
