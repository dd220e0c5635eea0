/** Tells the server how large each picture is shown here, so that none is sent that nobody sees. */

/** @import { Connection } from "./connection.js" */

/** The server takes one every 2 s, and some at once. */
const EVERY_MS = 2500;
const SETTLE_MS = 200;
/** Sizes are told in steps: not every change of a window is news. */
const STEPS = [0, 160, 240, 320, 480, 640, 960, 1280, 1920, 3840];

/**
 * @param {number} width points of the screen
 * @returns {number}
 */
const step = (width) => STEPS.find((least) => width <= least) ?? 3840;

export class ViewReport {
  #timer = 0;
  #toldAt = -EVERY_MS;
  /** Nothing is told as long as all there is to say is what the server takes for granted. */ #told = "[]";

  /**
   * @param {Connection} connection
   * @param {() => Map<string, number>} widths of each participant's picture, 0 = not seen
   */
  constructor(connection, widths) {
    this.connection = connection;
    this.widths = widths;
  }

  /** Something may be shown otherwise. */
  changed() {
    this.#timer ||= setTimeout(() => this.#tell(), Math.max(SETTLE_MS, this.#toldAt + EVERY_MS - performance.now()));
  }

  /** The server may be another one, or know nothing of this page. */
  askAgain() {
    this.#told = "[]";
    this.changed();
  }

  #tell() {
    this.#timer = 0;
    const tiles = [...this.widths()].map(([participant, width]) => ({ participant, width: step(width) }));
    const told = JSON.stringify(tiles);
    if (told === this.#told) return;
    this.#told = told;
    this.#toldAt = performance.now();
    this.connection.send({ type: "view", tiles });
  }
}
