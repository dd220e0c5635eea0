/** One client for WHIP (RFC 9725) and WHEP: they differ only in who sends the media. */
import { refusal } from "./api.js";
import { Trickle } from "./trickle.js";

/** Of H264, what everybody decodes. */
const BASELINE = /packetization-mode=1.*profile-level-id=42e0/i;

/**
 * Offers what the server takes, and no more: with all that browsers know an offer of ten m-lines has 46 kB instead of 15.
 * @param {RTCPeerConnection} pc
 */
function trim(pc) {
  const { codecs } = RTCRtpReceiver.getCapabilities("video") ?? { codecs: [] };
  const taken = codecs.filter(({ mimeType, sdpFmtpLine = "" }) => /\/(VP8|rtx)$/i.test(mimeType) || (/\/H264$/i.test(mimeType) && BASELINE.test(sdpFmtpLine)));
  for (const transceiver of pc.getTransceivers()) {
    // Browsers without it offer everything.
    if (transceiver.receiver.track.kind === "video") transceiver.setCodecPreferences?.(taken);
  }
}

/** An agreed media session: the peer connection and the server's resource for it. */
export class MediaSession {
  /**
   * @param {RTCPeerConnection} pc
   * @param {string} location
   * @param {string | null} etag
   * @param {string} token
   */
  constructor(pc, location, etag, token) {
    this.pc = pc;
    this.location = location;
    this.etag = etag;
    this.token = token;
  }

  /**
   * Offers, waits for the answer, applies it. Closes the peer connection when it fails.
   * @param {string} endpoint
   * @param {string} token
   * @param {RTCPeerConnection} pc with its transceivers in place
   * @returns {Promise<MediaSession>}
   */
  static async open(endpoint, token, pc) {
    const trickle = new Trickle(pc);
    try {
      trim(pc);
      await pc.setLocalDescription();
      const offer = pc.localDescription?.sdp ?? "";
      const response = await fetch(endpoint, {
        method: "POST",
        headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
        body: offer,
        cache: "no-store",
        signal: AbortSignal.timeout(15_000),
      });
      if (response.status !== 201) throw await refusal(response);
      const location = new URL(response.headers.get("Location") ?? "", new URL(endpoint, document.baseURI)).href;
      const session = new MediaSession(pc, location, response.headers.get("ETag"), token);
      const answer = await response.text();
      if (pc.signalingState === "closed") {
        void session.end();
        throw new DOMException("The call ended while the offer was under way", "AbortError");
      }
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
      trickle.begin(offer, (fragment) => session.patch(fragment));
      return session;
    } catch (error) {
      pc.close();
      throw error;
    }
  }

  /** @param {string} fragment candidates (RFC 8840) */
  async patch(fragment) {
    await fetch(this.location, {
      method: "PATCH",
      headers: {
        "Content-Type": "application/trickle-ice-sdpfrag",
        Authorization: `Bearer ${this.token}`,
        "If-Match": this.etag ?? "*",
      },
      body: fragment,
      signal: AbortSignal.timeout(5000),
    });
  }

  /** Lets go of the media here; the server's end goes when a new session takes its place, or in time. */
  drop() {
    this.pc.close();
  }

  /** Ends the session on both sides; the request outlives the page, so that a closed tab is noticed at once. */
  async end() {
    await fetch(this.location, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${this.token}` },
      keepalive: true,
      signal: AbortSignal.timeout(2000),
    }).catch(() => undefined);
    // Not before: the server sees the connection close, and would no longer know the session.
    this.pc.close();
  }
}
