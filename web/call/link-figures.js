/** How good the connection is, by what the browser counts: of each picture that comes, and of what this page sends. */

/** @import { Call } from "./call.js" */

const EVERY_MS = 3000;
const POOR = { loss: 0.02, delayMs: 300 };
const BAD = { loss: 0.08, delayMs: 700 };

/**
 * @typedef {object} LinkFigure
 * @property {number} loss share of the packets of the last seconds
 * @property {number | null} delayMs there and back
 * @property {number} width
 * @property {number} height
 * @property {number} rate pictures a second
 */

/** @typedef {"good" | "poor" | "bad"} Level */

/**
 * @param {LinkFigure} figure
 * @returns {Level}
 */
export function levelOf({ loss, delayMs }) {
  /** @param {typeof POOR} least */
  const beyond = (least) => loss > least.loss || (delayMs ?? 0) > least.delayMs;
  return beyond(BAD) ? "bad" : beyond(POOR) ? "poor" : "good";
}

/** Emits "change" when the figures are new. */
export class LinkFigures extends EventTarget {
  /** @type {Map<string, LinkFigure>} by participant, one's own is of what is sent */ now = new Map();
  /** @type {Map<string, { lost: number, came: number }>} */ #before = new Map();

  /** @param {Call} call */
  constructor(call) {
    super();
    this.call = call;
    setInterval(() => void this.#look(), EVERY_MS);
  }

  async #look() {
    const { watching, publishing } = this.call.connection;
    if (document.hidden || this.call.connection.state !== "connected") return;
    /** @type {Map<string, LinkFigure>} */
    const found = new Map();
    if (watching) this.#received([...(await watching.pc.getStats()).values()], found);
    if (publishing) this.#sent([...(await publishing.pc.getStats()).values()], found);
    this.now = found;
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {any[]} stats
   * @param {Map<string, LinkFigure>} found
   */
  #received(stats, found) {
    const delay = stats.find(({ type, nominated }) => type === "candidate-pair" && nominated)?.currentRoundTripTime;
    for (const { participant, mid } of this.call.slots) {
      const entry = stats.find((one) => one.type === "inbound-rtp" && one.kind === "video" && one.mid === mid);
      if (!entry) continue;
      // Each slot counts on when it shows somebody else.
      const before = this.#before.get(mid) ?? { lost: 0, came: 0 };
      const lost = Math.max(0, (entry.packetsLost ?? 0) - before.lost);
      const came = Math.max(0, (entry.packetsReceived ?? 0) - before.came);
      this.#before.set(mid, { lost: entry.packetsLost ?? 0, came: entry.packetsReceived ?? 0 });
      found.set(participant, {
        loss: lost + came ? lost / (lost + came) : 0,
        delayMs: delay === undefined ? null : 1000 * delay,
        width: entry.frameWidth ?? 0,
        height: entry.frameHeight ?? 0,
        rate: entry.framesPerSecond ?? 0,
      });
    }
  }

  /**
   * @param {any[]} stats
   * @param {Map<string, LinkFigure>} found
   */
  #sent(stats, found) {
    const told = stats.filter(({ type }) => type === "remote-inbound-rtp");
    const picture = stats.find(({ type, kind }) => type === "outbound-rtp" && kind === "video");
    const delay = told.find(({ roundTripTime }) => roundTripTime !== undefined)?.roundTripTime;
    found.set(this.call.self, {
      loss: Math.max(0, ...told.map(({ fractionLost }) => fractionLost ?? 0)),
      delayMs: delay === undefined ? null : 1000 * delay,
      width: picture?.frameWidth ?? 0,
      height: picture?.frameHeight ?? 0,
      rate: picture?.framesPerSecond ?? 0,
    });
  }
}
