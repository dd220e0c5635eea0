/** Addresses of this browser that are found after the offer has gone: told to the server as they come (RFC 9725, 4.3.2). */

export class Trickle {
  /** @type {RTCIceCandidate[]} found and not told */ #found = [];
  /** @type {((fragment: string) => Promise<void>) | null} */ #send = null;
  /** @type {Promise<void>} */ #turn = Promise.resolve();

  /** @param {RTCPeerConnection} pc before it begins to gather */
  constructor(pc) {
    this.pc = pc;
    pc.addEventListener("icecandidate", ({ candidate }) => {
      if (!candidate?.candidate) return;
      this.#found.push(candidate);
      this.#tell();
    });
  }

  /**
   * The server has answered: from now on it can be told.
   * @param {string} offer what it knows already
   * @param {(fragment: string) => Promise<void>} send takes candidates (RFC 8840)
   */
  begin(offer, send) {
    // Up to the type, for what follows is written differently in events and in offers.
    this.#found = this.#found.filter(({ candidate }) => !offer.includes(candidate.split(" ").slice(0, 8).join(" ")));
    this.#send = send;
    this.#tell();
  }

  #tell() {
    this.#turn = this.#turn.then(async () => {
      if (!this.#send || !this.#found.length || this.pc.signalingState === "closed") return;
      const lines = this.#found.splice(0).flatMap(({ candidate, sdpMid }) => [`a=mid:${sdpMid ?? 0}`, `a=${candidate}`]);
      // What does not reach the server is an address less: the others may do, and if none does, the page says so.
      await this.#send(`${["m=audio 9 UDP/TLS/RTP/SAVPF 0", ...lines].join("\r\n")}\r\n`).catch(() => undefined);
    });
  }
}
