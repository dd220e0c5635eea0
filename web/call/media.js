/** The local camera and microphone: opening, switching, muting, and what went wrong in plain words. */
import { remember, remembered } from "./device-memory.js";
import { pictureOf, QUALITIES, qualityOf } from "./picture-quality.js";
import { t } from "../texts/texts.js";

/** @import { Quality } from "./picture-quality.js" */
/** @typedef {"audio" | "video"} Kind */

const SOUND = { echoCancellation: true, autoGainControl: true };

/**
 * @param {Kind} kind
 * @param {unknown} error
 * @returns {string}
 */
export function explain(kind, error) {
  const audio = kind === "audio";
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError")
    return audio
      ? t("The browser was not allowed to use the microphone. You can allow it in the address bar.")
      : t("The browser was not allowed to use the camera. You can allow it in the address bar.");
  if (name === "NotFoundError" || name === "OverconstrainedError") return audio ? t("No microphone was found.") : t("No camera was found.");
  if (name === "NotReadableError" || name === "AbortError")
    return audio
      ? t("The microphone could not be started. Another program may be using it.")
      : t("The camera could not be started. Another program may be using it.");
  if (name === "InsecureContext")
    return audio
      ? t("Browsers give the microphone only to pages served over https or from this computer (localhost).")
      : t("Browsers give the camera only to pages served over https or from this computer (localhost).");
  return audio ? t("The microphone could not be used.") : t("The camera could not be used.");
}

/**
 * @param {MediaStreamConstraints} constraints
 * @returns {Promise<MediaStream>}
 */
function open(constraints) {
  // Absent on plain http pages, whatever the type says.
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("Not a secure page", "InsecureContext");
  return navigator.mediaDevices.getUserMedia(constraints);
}

/**
 * @param {Kind} kind
 * @returns {Promise<boolean>} whether asking again would certainly be refused
 */
async function denied(kind) {
  try {
    const name = /** @type {PermissionName} */ (kind === "audio" ? "microphone" : "camera");
    return (await navigator.permissions.query({ name })).state === "denied";
  } catch {
    return false;
  }
}

/** Emits "change" whenever a track, the mute state or an error differs. */
export class LocalMedia extends EventTarget {
  /** @type {Record<Kind, MediaStreamTrack | null>} */
  tracks = { audio: null, video: null };
  /** @type {Record<Kind, string>} what went wrong, "" when nothing did */
  problems = { audio: "", video: "" };
  /** @type {Record<Kind, string>} chosen device ids, "" = the browser's choice */
  #chosen = { audio: "", video: "" };
  /** @type {Record<Kind, string>} those of the last call, until they turn out not to be plugged in */
  #last = { audio: remembered("audio"), video: remembered("video") };
  /** @type {Record<Kind, number>} counts the wishes: what was opened for an earlier one is closed again */
  #wishes = { audio: 0, video: 0 };
  muted = false;
  quality = qualityOf(remembered("picture"));
  /** Whether the server separates voices. The browser's noise suppression would remove some of them, so then it is the
   * server that takes noise out, and after that; where it does not, browsers do, as in other calls. */
  separates = true;
  /** Whether the devices have been asked for: before that, that there are none says nothing. */
  asked = false;
  /** The camera was switched off by the person (and not absent). */
  cameraOff = false;

  /**
   * Asks for both at once, so that there is one question; falls back to each alone.
   * @returns {Promise<void>}
   */
  async start() {
    this.asked = true;
    const asked = { ...this.#wishes };
    try {
      const stream = await open({ audio: this.#wish("audio"), video: this.#wish("video") });
      this.#receive("audio", stream.getAudioTracks()[0] ?? null, asked.audio);
      this.#receive("video", stream.getVideoTracks()[0] ?? null, asked.video);
    } catch (error) {
      if (this.#forgetMissing(error, "audio", "video")) return this.start();
      for (const kind of /** @type {Kind[]} */ (["audio", "video"])) {
        if (this.#wishes[kind] !== asked[kind]) continue;
        if (await denied(kind)) this.problems[kind] = explain(kind, new DOMException("", "NotAllowedError"));
        else await this.#open(kind, error);
      }
    }
    this.#changed();
  }

  /**
   * @param {Kind} kind
   * @param {string | null} device null = none, "" = the browser's choice
   */
  async choose(kind, device) {
    if (kind === "video") this.cameraOff = false;
    this.#drop(kind);
    this.problems[kind] = "";
    if (device !== null) {
      this.#chosen[kind] = device;
      remember(kind, device);
      await this.#open(kind);
    }
    this.#changed();
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.muted = muted;
    if (this.tracks.audio) this.tracks.audio.enabled = !muted;
    this.#changed();
  }

  /** @param {boolean} off off stops the device, so that its light goes out */
  async setCameraOff(off) {
    if (off) {
      this.#drop("video");
      this.cameraOff = true;
    } else {
      this.cameraOff = false;
      this.problems.video = "";
      await this.#open("video");
    }
    this.#changed();
  }

  /** @param {Quality} quality of the picture that is sent; a camera that is on is opened anew */
  async setQuality(quality) {
    this.quality = quality;
    remember("picture", quality);
    if (this.tracks.video) {
      // Most cameras keep the size that they were opened with.
      this.#drop("video");
      await this.#open("video");
    }
    this.#changed();
  }

  /** Whether noise is taken out of what one sends. */
  get suppressed() {
    const chosen = remembered("noise");
    return chosen ? chosen === "on" : !this.separates;
  }

  /** @param {boolean} on */
  async suppress(on) {
    remember("noise", on ? "on" : "off");
    if (this.separates || !this.tracks.audio) return;
    // Of a microphone that is open Chromium does not change that.
    this.#drop("audio");
    await this.#open("audio");
    this.#changed();
  }

  /** Bits a second that the picture may take. */
  get bitrate() {
    return QUALITIES[this.quality].bitrate;
  }

  /** @param {Kind} kind */
  deviceId(kind) {
    return this.tracks[kind]?.getSettings().deviceId ?? "";
  }

  /** Lets go of both devices, also of those still being opened. */
  stop() {
    this.#drop("audio");
    this.#drop("video");
    this.#changed();
  }

  /**
   * @param {Kind} kind
   * @param {unknown} [earlier] the error of the combined question, told when this one gives no better
   * @returns {Promise<void>}
   */
  async #open(kind, earlier) {
    const asked = ++this.#wishes[kind];
    try {
      const stream = await open({ [kind]: this.#wish(kind) });
      if (this.#receive(kind, stream.getTracks()[0] ?? null, asked)) this.problems[kind] = "";
    } catch (error) {
      if (asked === this.#wishes[kind] && this.#forgetMissing(error, kind)) return this.#open(kind, earlier);
      if (asked === this.#wishes[kind]) this.problems[kind] = explain(kind, error ?? earlier);
    }
  }

  /**
   * Takes what the browser has opened, unless something else is wished meanwhile.
   * @param {Kind} kind
   * @param {MediaStreamTrack | null} track
   * @param {number} asked the wish it was opened for
   * @returns {boolean}
   */
  #receive(kind, track, asked) {
    const wanted = asked === this.#wishes[kind];
    if (wanted) this.#take(kind, track);
    else track?.stop();
    return wanted;
  }

  /** @param {Kind} kind no longer wished */
  #drop(kind) {
    this.#wishes[kind] += 1;
    this.#take(kind, null);
  }

  /**
   * @param {unknown} error
   * @param {...Kind} kinds
   * @returns {boolean} whether a device of the last call may have been the reason, and is wished no more
   */
  #forgetMissing(error, ...kinds) {
    if (!(error instanceof DOMException) || error.name !== "OverconstrainedError") return false;
    const forgotten = kinds.filter((kind) => this.#last[kind] && !this.#chosen[kind]);
    for (const kind of forgotten) this.#last[kind] = "";
    return forgotten.length > 0;
  }

  /** @param {Kind} kind */
  #wish(kind) {
    const wish = kind === "audio" ? { ...SOUND, noiseSuppression: this.suppressed && !this.separates } : pictureOf(this.quality);
    const device = this.#chosen[kind] || this.#last[kind];
    return device ? { ...wish, deviceId: { exact: device } } : wish;
  }

  /**
   * @param {Kind} kind
   * @param {MediaStreamTrack | null} track
   */
  #take(kind, track) {
    this.tracks[kind]?.stop();
    this.tracks[kind] = track;
    if (!track) return;
    if (kind === "audio") track.enabled = !this.muted;
    track.addEventListener("ended", () => {
      if (this.tracks[kind] !== track) return;
      this.tracks[kind] = null;
      this.problems[kind] = kind === "audio" ? t("The microphone stopped. Was it unplugged?") : t("The camera stopped. Was it unplugged?");
      this.dispatchEvent(new CustomEvent("lost", { detail: this.problems[kind] }));
      this.#changed();
    });
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
