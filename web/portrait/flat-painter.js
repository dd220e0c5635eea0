/** Draws a portrait where there is no WebGL: the triangles that moved, one by one; so the head keeps still. */

/** @import { Rig } from "./rig.js" */
/** @import { Loaded } from "./sheet.js" */

/** Pixels below which a corner counts as where it was. */
const MOVED = 0.3;

export class FlatPainter {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Loaded} portrait
   */
  constructor(canvas, { sheet, net, picture, teeth, jaw }) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("no canvas");
    this.context = context;
    this.sheet = sheet;
    this.net = net;
    this.images = { picture, teeth, jaw };
    [canvas.width, canvas.height] = [sheet.width, sheet.height];
  }

  /** @param {Rig} rig after its step, with a still head */
  draw({ placed, skull, jaw }) {
    const { context, images, net } = this;
    context.drawImage(images.picture, 0, 0);
    for (let at = 0; at < net.triangles.length; at += 3) this.#triangle(net.triangles.subarray(at, at + 3), placed);
    const { upper, lower, inside } = this.sheet;
    const [left, top] = inside.area;
    context.save();
    context.beginPath();
    for (const i of [...upper, ...[...lower].reverse()]) context.lineTo(placed[2 * i], placed[2 * i + 1]);
    context.clip();
    context.fillStyle = `rgb(${inside.throat.join(" ")})`;
    context.fillRect(0, 0, this.sheet.width, this.sheet.height);
    context.drawImage(images.jaw, left + jaw[0], top + jaw[1]);
    context.drawImage(images.teeth, left + skull[0], top + skull[1]);
    context.restore();
  }

  /**
   * @param {Uint16Array} corners
   * @param {Float32Array} placed
   */
  #triangle(corners, placed) {
    const { context, net } = this;
    const from = [...corners].flatMap((i) => [net.points[2 * i], net.points[2 * i + 1]]);
    const to = [...corners].flatMap((i) => [placed[2 * i], placed[2 * i + 1]]);
    if (from.every((value, k) => Math.abs(value - to[k]) < MOVED)) return;
    const [x0, y0, x1, y1, x2, y2] = from;
    const [u0, v0, u1, v1, u2, v2] = to;
    const area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
    if (Math.abs(area) < 0.5) return;
    const a = ((u1 - u0) * (y2 - y0) - (u2 - u0) * (y1 - y0)) / area;
    const c = ((u2 - u0) * (x1 - x0) - (u1 - u0) * (x2 - x0)) / area;
    const b = ((v1 - v0) * (y2 - y0) - (v2 - v0) * (y1 - y0)) / area;
    const d = ((v2 - v0) * (x1 - x0) - (v1 - v0) * (x2 - x0)) / area;
    context.save();
    context.beginPath();
    // A little larger than it is: no seams between neighbours.
    const [mx, my] = [(u0 + u1 + u2) / 3, (v0 + v1 + v2) / 3];
    for (const [x, y] of [[u0, v0], [u1, v1], [u2, v2]]) context.lineTo(x + Math.sign(x - mx) * 0.5, y + Math.sign(y - my) * 0.5);
    context.clip();
    context.transform(a, b, c, d, u0 - a * x0 - c * y0, v0 - b * x0 - d * y0);
    context.drawImage(this.images.picture, 0, 0);
    context.restore();
  }

  remove() {}
}
