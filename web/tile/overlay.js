/** Drawing on a picture: rounded boxes on faces, a glow on who speaks, a veil over all that is not heard. */
import { captureTime } from "../call/face-history.js";

/** @import { FaceOverlay } from "../types.js" */
/** @import { FaceHistory } from "../call/face-history.js" */

const COLOURS = 6;
const VEIL = "rgb(8 10 13 / 0.62)";
const SPEAKS = 0.5;

/** @type {Map<number, string>} the same in both schemes: asked once, not for each face of each picture */
const colours = new Map();

/** @param {number} face @returns {string} CSS colour over a picture, the same on the fader's dot */
export function faceColour(face) {
  const place = ((face % COLOURS) + COLOURS) % COLOURS;
  const known = colours.get(place) || getComputedStyle(document.documentElement).getPropertyValue(`--face-${place}`).trim();
  colours.set(place, known);
  return known;
}

/**
 * @typedef {object} PlacedFace
 * @property {FaceOverlay} face
 * @property {DOMRect} rect CSS pixels within the tile
 * @property {number} glow 0..1, smoothed speaking probability
 * @property {boolean} heard
 * @property {boolean} focused
 */

/** Faces at the moment of the picture, smoothed and placed in a tile's pixels. */
export class FacePlacer {
  /** @type {Map<number, number>} */ #glow = new Map();

  /**
   * @param {FaceHistory} history
   * @param {number | undefined} rtp timestamp of the shown frame where the browser tells it
   * @param {number | null} rtpBase
   * @param {{ width: number, height: number, mirrored: boolean }} view
   * @returns {Omit<PlacedFace, "heard" | "focused">[]}
   */
  place(history, rtp, rtpBase, view) {
    const near = history.newestTime;
    const t = rtp === undefined || rtpBase === null || near === null ? null : captureTime(rtp, rtpBase, near);
    const faces = history.at(t);
    for (const id of this.#glow.keys()) if (!faces.some((face) => face.id === id)) this.#glow.delete(id);
    return faces.map((face) => {
      const before = this.#glow.get(face.id) ?? face.speaking;
      const glow = before + (face.speaking - before) * 0.35;
      this.#glow.set(face.id, glow);
      const [x, y, w, h] = face.box;
      const left = view.mirrored ? 1 - x - w : x;
      return { face, glow, rect: new DOMRect(left * view.width, y * view.height, w * view.width, h * view.height) };
    });
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {DOMRect} rect
 */
function rounded(context, rect) {
  const radius = Math.min(16, rect.width * 0.16, rect.height * 0.16);
  context.beginPath();
  if ("roundRect" in context) context.roundRect(rect.x, rect.y, rect.width, rect.height, radius);
  else /** @type {CanvasRenderingContext2D} */ (context).rect(rect.x, rect.y, rect.width, rect.height);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {PlacedFace} placed
 */
function drawBox(context, { face, rect, glow, heard, focused }) {
  const colour = faceColour(face.id);
  context.save();
  rounded(context, rect);
  context.globalAlpha = heard ? 1 : 0.45;
  context.setLineDash(heard ? [] : [5, 5]);
  context.lineWidth = focused ? 6 : 4;
  context.strokeStyle = "rgb(0 0 0 / 0.45)";
  context.stroke();
  if (heard && glow > 0.15) {
    context.shadowColor = colour;
    context.shadowBlur = 6 + 26 * glow;
  }
  context.lineWidth = (focused ? 3.5 : 2) + (heard && glow > SPEAKS ? 1.5 : 0);
  context.strokeStyle = focused ? "#ffffff" : colour;
  context.stroke();
  // A shadow alone is faint on a bright picture: a second stroke deepens it.
  if (heard && glow > SPEAKS) context.stroke();
  context.restore();
}

/**
 * @param {HTMLCanvasElement} canvas covers the tile
 * @param {PlacedFace[]} faces
 * @param {boolean} veiled someone else, or only one face here, is heard
 */
export function drawOverlay(canvas, faces, veiled) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const ratio = devicePixelRatio;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth;
    canvas.height = pixelHeight;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  if (veiled) {
    context.fillStyle = VEIL;
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = "destination-out";
    context.fillStyle = "#000";
    for (const placed of faces.filter(({ focused }) => focused)) {
      rounded(context, placed.rect);
      context.fill();
    }
    context.globalCompositeOperation = "source-over";
  }
  // The focused face last, on top.
  for (const placed of [...faces].sort((a, b) => Number(a.focused) - Number(b.focused))) drawBox(context, placed);
}
