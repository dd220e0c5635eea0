/** A heat-map on a picture: where a sound comes from, or where a word was seen. */
import { element } from "../ui/element.js";
import { COLOUR_MAP } from "../ui/colour-map.js";

/** @import { Heat, ShownHeat } from "./heat-track.js" */

/** Below this share of the brightest a place is none: the rest of the picture stays as it is. */
const FLOOR = 0.1;

/** Points painted for each cell and side; the browser smooths what is between them. */
const FINER = 4;

/**
 * @param {Heat} heat
 * @param {number} row may be a fraction; outside it is the nearest
 * @param {number} column
 */
function sample({ values, rows, columns }, row, column) {
  const y = Math.min(Math.max(row, 0), rows - 1);
  const x = Math.min(Math.max(column, 0), columns - 1);
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const [bottom, right] = [Math.min(top + 1, rows - 1), Math.min(left + 1, columns - 1)];
  /** @param {number} r @param {number} c */
  const at = (r, c) => values[r * columns + c] ?? 0;
  const above = at(top, left) + (at(top, right) - at(top, left)) * (x - left);
  const below = at(bottom, left) + (at(bottom, right) - at(bottom, left)) * (x - left);
  return above + (below - above) * (y - top);
}

/**
 * Colour and opacity both grow with the value; opacity sooner, so that a bright spot has a dark edge on a bright picture.
 * @param {CanvasRenderingContext2D} context
 * @param {Heat} heat
 * @param {boolean} mirrored
 */
function paint(context, heat, mirrored) {
  const [width, height] = [heat.columns * FINER, heat.rows * FINER];
  const { canvas } = context;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const image = context.createImageData(width, height);
  for (let y = 0, i = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, i += 4) {
      const column = ((mirrored ? width - 1 - x : x) + 0.5) / FINER - 0.5;
      const value = Math.round(sample(heat, (y + 0.5) / FINER - 0.5, column) * 255);
      image.data[i] = COLOUR_MAP[value * 3] ?? 0;
      image.data[i + 1] = COLOUR_MAP[value * 3 + 1] ?? 0;
      image.data[i + 2] = COLOUR_MAP[value * 3 + 2] ?? 0;
      image.data[i + 3] = 255 * Math.max(0, (value / 255 - FLOOR) / (1 - FLOOR)) ** 0.7;
    }
  }
  context.putImageData(image, 0, 0);
}

export class HeatLayer {
  /** @type {Heat | null} */ #painted = null;

  /**
   * @param {boolean} mirrored one's own picture stands as in a mirror
   * @param {string} [name] to be found by
   */
  constructor(mirrored, name = "heat") {
    this.mirrored = mirrored;
    this.canvas = element("canvas", { class: "heat gone", "data-testid": name });
    this.ring = element("span", { class: "heat-peak gone", "data-testid": `${name}-peak` });
    this.root = element("div", { class: "heat-layer", "aria-hidden": "true" }, this.canvas, this.ring);
  }

  /**
   * @param {ShownHeat | null} shown null = nothing
   * @param {number} opacity 0..1
   */
  show(shown, opacity) {
    this.canvas.classList.toggle("gone", !shown);
    this.ring.classList.toggle("gone", !shown?.peak);
    if (!shown) return;
    if (this.#painted !== shown.heat) {
      const context = this.canvas.getContext("2d");
      if (context) paint(context, shown.heat, this.mirrored);
      this.#painted = shown.heat;
    }
    const strength = String(shown.level * opacity);
    if (this.canvas.style.opacity !== strength) this.canvas.style.opacity = strength;
    if (!shown.peak) return;
    const [x, y] = shown.peak;
    this.ring.style.left = `${(this.mirrored ? 1 - x : x) * 100}%`;
    this.ring.style.top = `${y * 100}%`;
    this.ring.style.opacity = String(shown.level);
  }
}
