/** Pickers for camera, microphone and loudspeaker, kept in step with what is plugged in. */
import { remember, remembered } from "../call/device-memory.js";
import { element } from "../ui/element.js";
import { t } from "../texts/texts.js";

/** @import { LocalMedia } from "../call/media.js" */

const NONE = "none";
/** Id of the system's own choice among loudspeakers where it is listed, which it is not in Firefox. */
const DEFAULT = "default";
/** Firefox lists a loudspeaker only once it has been chosen in a dialog of its own. */
const OTHER = "other";

/** @typedef {MediaDevices & { selectAudioOutput?: () => Promise<MediaDeviceInfo> }} AskingDevices */
const media = /** @type {AskingDevices | undefined} absent on plain http pages */ (navigator.mediaDevices);
const askForSpeaker = media?.selectAudioOutput?.bind(media);

/**
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceInfo[]} devices
 * @param {string} fallback what a device without a label is called
 * @param {string} current id in use, or "none"
 * @param {string} [none] label of the choice of no device
 */
function fill(select, devices, fallback, current, none) {
  const options = devices
    .filter((device) => device.deviceId)
    .map((device, i) => element("option", { value: device.deviceId }, device.label || `${fallback} ${i + 1}`));
  if (none) options.push(element("option", { value: NONE }, none));
  select.replaceChildren(...options);
  select.value = current;
  select.disabled = options.length < 2;
}

export class DevicePickers {
  /**
   * @param {LocalMedia} media
   * @param {{ camera: HTMLSelectElement, microphone: HTMLSelectElement, speaker?: HTMLSelectElement }} selects
   * @param {HTMLAudioElement} [audio] where the call is heard, for the loudspeaker picker
   */
  constructor(media, selects, audio) {
    this.media = media;
    this.selects = selects;
    this.audio = audio;
    selects.camera.addEventListener("change", () => this.#choose("video", selects.camera.value));
    selects.microphone.addEventListener("change", () => this.#choose("audio", selects.microphone.value));
    if (selects.speaker && audio && "setSinkId" in audio) {
      const speaker = selects.speaker;
      speaker.addEventListener("change", () => void this.#hear(speaker.value, audio));
      const last = remembered("speaker");
      // It may not be plugged in any more.
      if (last) void audio.setSinkId(last).then(() => this.refresh(), () => undefined);
    } else selects.speaker?.closest("label")?.setAttribute("hidden", "");
    media.addEventListener("change", () => void this.refresh());
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.refresh());
  }

  async refresh() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    /** @param {MediaDeviceKind} kind */
    const of = (kind) => devices.filter((device) => device.kind === kind);
    const { camera, microphone, speaker } = this.selects;
    fill(camera, of("videoinput"), t("Camera"), this.media.deviceId("video") || NONE, t("No camera"));
    fill(microphone, of("audioinput"), t("Microphone"), this.media.deviceId("audio") || NONE, t("No microphone"));
    if (speaker) this.#fillSpeaker(speaker, of("audiooutput"));
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {MediaDeviceInfo[]} devices
   */
  #fillSpeaker(select, devices) {
    const listed = devices.some(({ deviceId }) => deviceId === DEFAULT);
    fill(select, devices, t("Loudspeaker"), "");
    if (!listed) select.prepend(element("option", { value: "" }, t("System default")));
    if (askForSpeaker) select.append(element("option", { value: OTHER }, t("Another one…")));
    select.value = this.audio?.sinkId || (listed ? DEFAULT : "");
    select.disabled = select.length < 2;
  }

  /**
   * @param {string} wanted
   * @param {HTMLAudioElement} audio
   */
  async #hear(wanted, audio) {
    try {
      const id = wanted === OTHER ? ((await askForSpeaker?.())?.deviceId ?? "") : wanted;
      await audio.setSinkId(id);
      remember("speaker", id);
    } catch {
      // none was chosen, or it is gone: what is shown goes back to what is in use
    }
    await this.refresh();
  }

  /**
   * @param {"audio" | "video"} kind
   * @param {string} value
   */
  #choose(kind, value) {
    void this.media.choose(kind, value === NONE ? null : value);
  }
}
