/** What this page sends: its tracks in one WHIP session, swapped in place when the devices change. */
import { ApiError } from "./api.js";
import { MediaSession } from "./whip.js";
import { t } from "../texts/texts.js";

/** @import { Joined } from "../types.js" */
/** @import { LocalMedia } from "./media.js" */

const NOT_CHANGED = {
  audio: t("The microphone could not be changed for the others. Please choose it again."),
  video: t("The camera could not be changed for the others. Please choose it again."),
};

/**
 * @typedef {object} Place a connection to the room, as far as sending has to know it
 * @property {Joined} joined
 * @property {() => RTCPeerConnection} peer makes a watched peer connection
 * @property {boolean} live whether it is still there
 */

export class Publisher {
  /** @type {MediaSession | null} */ session = null;
  /** @type {Promise<void>} */ #turn = Promise.resolve();

  /**
   * @param {string} endpoint
   * @param {LocalMedia | null} media null = watch only
   * @param {(reason: string) => void} onNotice
   */
  constructor(endpoint, media, onNotice) {
    this.endpoint = endpoint;
    this.media = media;
    this.onNotice = onNotice;
  }

  /**
   * Sends what media there is. A refusal is told and does not end the call: one can still watch.
   * @param {Place} place
   * @throws {Error} when the server is not reached or has no room for it now
   */
  async open(place) {
    const tracks = [this.media?.tracks.audio, this.media?.tracks.video].filter((track) => !!track);
    if (place.joined.role !== "publish" || !tracks.length) return;
    const pc = place.peer();
    const stream = new MediaStream(tracks);
    for (const track of tracks) {
      pc.addTransceiver(track, {
        direction: "sendonly",
        streams: [stream],
        sendEncodings: track.kind === "video" ? [{ maxBitrate: this.media?.bitrate }] : undefined,
      });
    }
    try {
      const session = await MediaSession.open(this.endpoint, place.joined.token, pc);
      if (!place.live) return void session.end();
      this.session = session;
    } catch (error) {
      if (!(error instanceof ApiError) || !error.final) throw error;
      this.onNotice(t("The others cannot see or hear you: {reason}", { reason: error.message }));
    }
  }

  /**
   * Brings what is sent in line with the devices, one change after the other.
   * @param {() => Place | null} placeNow null while there is no connection: it begins with the devices of then
   * @param {(error: unknown) => void} failed the connection has to be made anew
   */
  update(placeNow, failed) {
    this.#turn = this.#turn.then(async () => {
      const place = placeNow();
      if (!place) return;
      try {
        await this.#apply(place);
      } catch (error) {
        if (place.live) failed(error);
      }
    });
  }

  /** @param {Place} place */
  async #apply(place) {
    let offerAgain = false;
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      const track = this.media?.tracks[kind] ?? null;
      const transceiver = this.session?.pc.getTransceivers().find((t) => t.receiver.track.kind === kind);
      if (transceiver && transceiver.sender.track !== track) await this.#swap(transceiver.sender, track, kind, place);
      else if (!transceiver && track) offerAgain = true;
    }
    await this.#limit();
    // Only a kind that was not offered before needs a new offer; its session takes the old one's place without a gap.
    if (!offerAgain) return;
    const old = this.session;
    await this.open(place);
    if (this.session !== old) old?.drop();
  }

  /** Sends the picture with as many bits a second as were chosen. */
  async #limit() {
    const sender = this.session?.pc.getSenders().find(({ track }) => track?.kind === "video");
    const parameters = sender?.getParameters();
    const [encoding] = parameters?.encodings ?? [];
    if (!sender || !parameters || !encoding || encoding.maxBitrate === this.media?.bitrate) return;
    encoding.maxBitrate = this.media?.bitrate;
    await sender.setParameters(parameters).catch(() => undefined);
  }

  /**
   * @param {RTCRtpSender} sender
   * @param {MediaStreamTrack | null} track
   * @param {"audio" | "video"} kind
   * @param {Place} place
   */
  async #swap(sender, track, kind, place) {
    try {
      await sender.replaceTrack(track);
      await this.#setActive(sender, !!track);
    } catch {
      // One device that cannot be swapped must not hold up the other, nor the next change of this one.
      if (place.live) this.onNotice(NOT_CHANGED[kind]);
    }
  }

  /**
   * Firefox goes on sending a picture of a camera that is off, once a second, unless it is told not to.
   * @param {RTCRtpSender} sender
   * @param {boolean} active
   */
  async #setActive(sender, active) {
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings) encoding.active = active;
    await sender.setParameters(parameters);
  }

  /** Lets go of the media without leaving the room. */
  drop() {
    this.session?.drop();
    this.session = null;
  }
}
