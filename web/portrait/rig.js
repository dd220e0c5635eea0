/** Where the net's points go with the mouth, the lids and the head: models/portrait/rig.py, `Rig.place`. */

/** @import { PortraitSheet } from "../types.js" */
/** @import { Net } from "./sheet.js" */

const LIPS = 40;
const AMOUNTS = 10;

/** @typedef {{ right: number, down: number, turn: number, yaw: number, pitch: number, lids: number }} Stance */

/** @type {Readonly<Stance>} */
export const STILL = Object.freeze({ right: 0, down: 0, turn: 0, yaw: 0, pitch: 0, lids: 0 });

const AT_REST = new Float32Array(AMOUNTS + 1);

export class Rig {
  #lips = new Float32Array(2 * LIPS);

  /**
   * @param {PortraitSheet} sheet
   * @param {Net} net
   */
  constructor(sheet, net) {
    this.sheet = sheet;
    this.net = net;
    /** x and y by turns, pixels: as `place` left them. */ this.placed = Float32Array.from(net.points);
    /** The net with closed lips. */ this.shut = Float32Array.from(this.place(AT_REST, STILL));
    /** How far the skull has moved since, pixels. */ this.skull = [0, 0];
    /** How far the jaw has. */ this.jaw = [0, 0];
    this.#mean = sheet.upper;
  }

  #mean;

  /** Between the middles of the inner lips, eye distances. */
  get opening() {
    const { upper, lower, unit } = this.sheet;
    return (this.placed[2 * lower[5] + 1] - this.placed[2 * upper[5] + 1]) / unit;
  }

  /**
   * @param {Float32Array} row ten amounts, and how far the mouth leaves its rest
   * @param {Readonly<Stance>} stance
   * @returns {Float32Array} `placed`
   */
  place(row, stance) {
    this.#displace(row);
    const { net, placed } = this;
    const count = net.follow.length;
    for (let i = 0; i < count; i += 1) this.#move(i, placed);
    this.#blink(stance.lids);
    for (let i = 0; i < count; i += 1) this.#turn(i, placed, stance);
    return placed;
  }

  /**
   * Places, and says how far skull and jaw have moved, with which teeth and tongue go.
   * @param {Float32Array} row
   * @param {Readonly<Stance>} stance
   */
  step(row, stance) {
    this.#displace(AT_REST);
    const resting = new Float32Array(this.placed.length);
    for (const i of this.#mean) {
      this.#move(i, resting);
      this.#turn(i, resting, stance);
    }
    this.skull = this.#shift(resting, this.#mean);
    this.place(row, stance);
    this.jaw = this.#shift(this.placed, this.sheet.lower.slice(3, 8));
  }

  /**
   * @param {Float32Array} places
   * @param {number[]} which
   */
  #shift(places, which) {
    const sum = [0, 0];
    for (const i of which) for (const k of [0, 1]) sum[k] = sum[k] + places[2 * i + k] - this.shut[2 * i + k];
    return sum.map((value) => value / which.length);
  }

  /** @param {Float32Array} row how far each lip point goes from where the picture has it, pixels of the picture */
  #displace(row) {
    const { basis, rest, shut } = this.net;
    const { stretch, widest, inner, unit, level } = this.sheet;
    const share = row[AMOUNTS];
    const lips = this.#lips;
    for (let j = 0; j < 2 * LIPS; j += 1) {
      let shape = basis[j];
      for (let k = 0; k < AMOUNTS; k += 1) shape += row[k] * basis[(k + 1) * 2 * LIPS + j];
      lips[j] = share * (shape - rest[j]) * (j % 2 ? 1 : stretch);
    }
    inner.lower.forEach((below, k) => {
      const [low, high] = [2 * below + 1, 2 * inner.upper[k] + 1];
      const parted = lips[low] - lips[high];
      const excess = parted - Math.min(Math.max(parted, 0), widest);
      lips[low] = lips[low] - excess / 2;
      lips[high] = lips[high] + excess / 2;
    });
    const [[a, b], [c, d]] = level;
    for (let j = 0; j < 2 * LIPS; j += 2) {
      const [x, y] = [unit * (lips[j] + shut[j]), unit * (lips[j + 1] + shut[j + 1])];
      lips[j] = x * a + y * c;
      lips[j + 1] = x * b + y * d;
    }
  }

  /**
   * @param {number} i
   * @param {Float32Array} out
   */
  #move(i, out) {
    const { moves, points } = this.net;
    const lips = this.#lips;
    let [x, y] = [points[2 * i], points[2 * i + 1]];
    for (let j = 0, at = i * LIPS; j < LIPS; j += 1, at += 1) {
      const much = moves[at];
      x += much * lips[2 * j];
      y += much * lips[2 * j + 1];
    }
    out[2 * i] = x;
    out[2 * i + 1] = y;
  }

  /** @param {number} lids how far they are down, 0..1 */
  #blink(lids) {
    if (!lids) return;
    const { placed } = this;
    this.sheet.lids.forEach(([upper, lower], eye) =>
      upper.forEach((above, k) => {
        for (const axis of [0, 1]) {
          const way = lids * (placed[2 * lower[k] + axis] - placed[2 * above + axis]);
          const fold = 2 * this.sheet.folds[eye]?.[k] + axis;
          placed[2 * above + axis] = placed[2 * above + axis] + way;
          placed[fold] = placed[fold] + 0.6 * way;
        }
      }),
    );
  }

  /**
   * @param {number} i
   * @param {Float32Array} out
   * @param {Readonly<Stance>} stance
   */
  #turn(i, out, stance) {
    const { follow, near } = this.net;
    const { unit, neck } = this.sheet;
    const [c, s] = [Math.cos(stance.turn) - 1, Math.sin(stance.turn)];
    const [x, y] = [out[2 * i] - neck[0], out[2 * i + 1] - neck[1]];
    const much = follow[i];
    out[2 * i] = out[2 * i] + much * (stance.right * unit + x * c - y * s + near[i] * Math.sin(stance.yaw));
    out[2 * i + 1] = out[2 * i + 1] + much * (stance.down * unit + x * s + y * c + near[i] * Math.sin(stance.pitch));
  }
}
