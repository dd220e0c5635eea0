/** Addresses of this browser that are found after the offer has gone: told to the server one by one (RFC 9725, 4.3.2). */

/** @import { MediaSession } from "./whip.js" */

export class Trickle {
  /** @type {RTCIceCandidate[]} found and not told */ #found = [];
  /** @type {MediaSession | null} */ #session = null;
  /** @type {Promise<void>} */ #turn = Promise.resolve();

  /** @param {RTCPeerConnection} pc before it begins to gather */
  constructor(pc) {
    pc.addEventListener("icecandidate", ({ candidate }) => {
      if (!candidate?.candidate) return;
      this.#found.push(candidate);
      this.#tell();
    });
  }

  /**
   * The server has answered: from now on it can be told.
   * @param {MediaSession} session
   * @param {string} offer what it knows already
   */
  begin(session, offer) {
    this.#session = session;
    this.#found = this.#found.filter(({ candidate }) => !offer.includes(candidate));
    this.#tell();
  }

  #tell() {
    this.#turn = this.#turn.then(async () => {
      const session = this.#session;
      if (!session || !this.#found.length || session.pc.signalingState === "closed") return;
      const candidates = this.#found.splice(0);
      const lines = candidates.flatMap(({ candidate, sdpMid }) => [`a=mid:${sdpMid ?? 0}`, `a=${candidate}`]);
      // What does not reach the server is an address less: the others may do, and if none does, the page says so.
      await session.patch(`${["m=audio 9 UDP/TLS/RTP/SAVPF 0", ...lines].join("\r\n")}\r\n`).catch(() => undefined);
    });
  }
}
