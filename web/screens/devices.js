/** Pickers for camera, microphone and loudspeaker, kept in step with what is plugged in. */
import { remember, remembered } from "../call/device-memory.js";
import { element } from "../ui/element.js";
import { t } from "../texts/texts.js";

/** @import { LocalMedia } from "../call/media.js" */

const NONE = "none";

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
  if (!none && !options.length) options.push(element("option", { value: "" }, t("System default")));
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
      speaker.addEventListener("change", () => {
        remember("speaker", speaker.value);
        void audio.setSinkId(speaker.value).catch(() => this.refresh());
      });
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
    if (speaker) fill(speaker, of("audiooutput"), t("Loudspeaker"), this.audio?.sinkId || "default");
  }

  /**
   * @param {"audio" | "video"} kind
   * @param {string} value
   */
  #choose(kind, value) {
    void this.media.choose(kind, value === NONE ? null : value);
  }
}
