/** One client for WHIP (RFC 9725) and WHEP: they differ only in who sends the media. */
import { refusal } from "./api.js";
import { Trickle } from "./trickle.js";

/** The server itself waits up to 0.8 s for its STUN or TURN server: with a dead one a join takes 1 s longer, not more. */
const GATHER_MS = 200;

/**
 * @param {RTCPeerConnection} pc
 * @returns {Promise<void>} when every candidate is known, or after a moment: those that come later are told later
 */
function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    });
  });
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
      await pc.setLocalDescription();
      await gathered(pc);
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
