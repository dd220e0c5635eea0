/** A few small pictures of the last seconds of a tile, so that what the server says about one can be shown on it. */
import { element } from "../ui/element.js";

const EVERY_MS = 500;
const KEPT = 8;
const WIDTH = 320;

export class RecentFrames {
  /** @type {{ t: number, canvas: HTMLCanvasElement }[]} oldest first */ #kept = [];
  #tookAt = -Infinity;

  /**
   * @param {HTMLVideoElement} video
   * @param {number} t capture time of the frame it shows, seconds
   * @param {number} now milliseconds
   */
  push(video, t, now) {
    if (now - this.#tookAt < EVERY_MS || !video.videoWidth) return;
    this.#tookAt = now;
    // The oldest canvas is painted anew: no memory is asked for while the call goes on.
    const canvas = (this.#kept.length >= KEPT ? this.#kept.shift()?.canvas : null) ?? element("canvas");
    const height = Math.round((WIDTH * video.videoHeight) / video.videoWidth);
    if (canvas.width !== WIDTH || canvas.height !== height) {
      canvas.width = WIDTH;
      canvas.height = height;
    }
    canvas.getContext("2d")?.drawImage(video, 0, 0, WIDTH, height);
    this.#kept.push({ t, canvas });
  }

  /**
   * @param {number} t seconds
   * @returns {HTMLCanvasElement | null} the picture kept nearest to t, when there is one within half a second
   */
  near(t) {
    const [best] = [...this.#kept].sort((a, b) => Math.abs(a.t - t) - Math.abs(b.t - t));
    return best && Math.abs(best.t - t) <= EVERY_MS / 1000 ? best.canvas : null;
  }
}
