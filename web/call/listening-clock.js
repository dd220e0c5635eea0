/** What of the mix is heard just now, in seconds of the mix; rows of made mouths carry such times. */

const RATE = 48_000;
const WRAP = 2 ** 32;
/** A receiver hears every 10 ms; one that has not for long plays nothing. */
const LONGEST_MS = 60;

export class ListeningClock {
  /** @param {() => RTCRtpReceiver | null} receiver of the mix */
  constructor(receiver) {
    this.receiver = receiver;
    /** @type {number | null} RTP time stamp of the clock's beginning */ this.base = null;
  }

  /**
   * @param {number} near a time that the answer is near to: time stamps begin anew once a day
   * @returns {number | null} seconds; null where the browser does not say what it plays
   */
  now(near) {
    const [source] = this.receiver()?.getSynchronizationSources?.() ?? [];
    if (this.base === null || source?.rtpTimestamp === undefined) return null;
    const elapsed = Math.min(Math.max(performance.timeOrigin + performance.now() - source.timestamp, 0), LONGEST_MS);
    const at = (((source.rtpTimestamp - this.base) % WRAP) + WRAP) % WRAP;
    const days = Math.round((near * RATE - at) / WRAP);
    return (at + days * WRAP) / RATE + elapsed / 1000;
  }
}
