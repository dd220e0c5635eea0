/** The local camera and microphone: opening, switching, muting, and what went wrong in plain words. */

/** @typedef {"audio" | "video"} Kind */

/** @type {Record<Kind, MediaTrackConstraints>} */
const WISHES = {
  // The browser's noise suppression removes the very voices in the room that a listener may want to hear.
  audio: { echoCancellation: true, noiseSuppression: false, autoGainControl: true },
  video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 25, max: 30 } },
};

/**
 * @param {Kind} kind
 * @param {unknown} error
 * @returns {string}
 */
export function explain(kind, error) {
  const device = kind === "audio" ? "microphone" : "camera";
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError")
    return `The browser was not allowed to use the ${device}. You can allow it in the address bar.`;
  if (name === "NotFoundError" || name === "OverconstrainedError") return `No ${device} was found.`;
  if (name === "NotReadableError" || name === "AbortError")
    return `The ${device} could not be started. Another program may be using it.`;
  if (name === "InsecureContext")
    return `Browsers give the ${device} only to pages served over https or from this computer (localhost).`;
  return `The ${device} could not be used.`;
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
  muted = false;
  /** The camera was switched off by the person (and not absent). */
  cameraOff = false;

  /** Asks for both at once, so that there is one question; falls back to each alone. */
  async start() {
    try {
      const stream = await open({ audio: this.#wish("audio"), video: this.#wish("video") });
      this.#take("audio", stream.getAudioTracks()[0] ?? null);
      this.#take("video", stream.getVideoTracks()[0] ?? null);
    } catch (error) {
      for (const kind of /** @type {Kind[]} */ (["audio", "video"])) {
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
    this.#take(kind, null);
    this.problems[kind] = "";
    if (device !== null) {
      this.#chosen[kind] = device;
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
      this.#take("video", null);
      this.cameraOff = true;
    } else {
      this.cameraOff = false;
      this.problems.video = "";
      await this.#open("video");
    }
    this.#changed();
  }

  /** @param {Kind} kind */
  deviceId(kind) {
    return this.tracks[kind]?.getSettings().deviceId ?? "";
  }

  stop() {
    this.#take("audio", null);
    this.#take("video", null);
    this.#changed();
  }

  /**
   * @param {Kind} kind
   * @param {unknown} [earlier] the error of the combined question, told when this one gives no better
   */
  async #open(kind, earlier) {
    try {
      const stream = await open({ [kind]: this.#wish(kind) });
      this.#take(kind, stream.getTracks()[0] ?? null);
      this.problems[kind] = "";
    } catch (error) {
      this.problems[kind] = explain(kind, error ?? earlier);
    }
  }

  /** @param {Kind} kind */
  #wish(kind) {
    const device = this.#chosen[kind];
    return device ? { ...WISHES[kind], deviceId: { exact: device } } : WISHES[kind];
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
      this.problems[kind] = `The ${kind === "audio" ? "microphone" : "camera"} stopped. Was it unplugged?`;
      this.dispatchEvent(new CustomEvent("lost", { detail: this.problems[kind] }));
      this.#changed();
    });
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
