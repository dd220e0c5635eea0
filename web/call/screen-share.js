/** Sharing a screen: its picture, and its sound where the browser gives it, as a session of its own beside the camera's. */
import { reasonOf } from "./api.js";
import { MediaSession } from "./whip.js";
import { t } from "../texts/texts.js";

/** @import { Call } from "./call.js" */

/** Letters have to be readable more than that they move. */
const PICTURE = { width: { max: 1920 }, height: { max: 1080 }, frameRate: { max: 15 } };
const SOUND = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const BITRATE = 2_500_000;

/** Emits "change" when sharing begins or ends. */
export class ScreenShare extends EventTarget {
  /** @type {MediaStream | null} */ stream = null;
  /** @type {MediaSession | null} */ #session = null;
  #listed = false;

  /**
   * @param {Call} call
   * @param {(reason: string) => void} onNotice
   */
  constructor(call, onNotice) {
    super();
    this.call = call;
    this.onNotice = onNotice;
  }

  /** Whether this browser can, which those of phones cannot. */
  static get offered() {
    return !!navigator.mediaDevices?.getDisplayMedia;
  }

  get track() {
    return this.stream?.getVideoTracks()[0] ?? null;
  }

  /** Asks which screen, and begins. */
  async start() {
    if (this.stream) return;
    let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: PICTURE, audio: SOUND });
    } catch (error) {
      // Who chose none does not need to be told.
      const refused = error instanceof DOMException && error.name === "NotAllowedError";
      if (!refused) this.onNotice(t("The screen could not be shared."));
      return;
    }
    this.stream = stream;
    this.track?.addEventListener("ended", () => this.stop());
    this.#changed();
    await this.#begin(stream);
  }

  /** The call goes on at another server, which knows nothing of it. */
  moved() {
    this.#listed = false;
    if (this.stream) void this.#begin(this.stream);
  }

  /** @param {MediaStream} stream */
  async #begin(stream) {
    const before = this.#session;
    try {
      const session = await this.#send(stream);
      if (this.stream !== stream) return void session.end();
      this.#session = session;
      before?.drop();
    } catch (error) {
      this.onNotice(t("The screen is not shared: {reason}", { reason: reasonOf(error) }));
      this.stop();
    }
  }

  /** @param {boolean} [gone] the server has ended it already */
  stop(gone = false) {
    if (!this.stream) return;
    for (const track of this.stream.getTracks()) track.stop();
    this.stream = null;
    this.#listed = false;
    if (gone) this.#session?.drop();
    else void this.#session?.end();
    this.#session = null;
    this.#changed();
  }

  /** The server, or the host, may have ended it. */
  roomChanged() {
    const listed = !!this.call.room?.participants.some(({ screen_of }) => screen_of === this.call.self);
    if (this.#listed && !listed) {
      this.stop(true);
      this.onNotice(t("Your screen is not shared any more."));
    }
    this.#listed = listed && !!this.stream;
  }

  /** @param {MediaStream} stream */
  async #send(stream) {
    const { joined, who } = this.call.connection;
    const pc = new RTCPeerConnection({ iceServers: joined?.ice_servers ?? [], bundlePolicy: "max-bundle" });
    for (const track of stream.getTracks()) {
      if (track.kind === "video") track.contentHint = "detail";
      const sendEncodings = track.kind === "video" ? [{ maxBitrate: BITRATE }] : undefined;
      pc.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings });
    }
    pc.addEventListener("connectionstatechange", () => {
      if (pc.connectionState !== "failed" || this.stream !== stream) return;
      this.stop();
      this.onNotice(t("Your screen is not shared any more: its connection was cut."));
    });
    return MediaSession.open(`/rooms/${encodeURIComponent(who.room)}/screen`, joined?.token ?? "", pc);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
