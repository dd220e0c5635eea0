/** A portrait as the server hands it out: its picture, its net, and how both move (models/portrait/sheet.py). */
import { bytesOf } from "../ui/bytes.js";

/** @import { PortraitSheet } from "../types.js" */

/**
 * @typedef {object} Net
 * @property {Float32Array} points x and y by turns, pixels
 * @property {Float32Array} moves rows of 40: what of each lip point's displacement a point takes over
 * @property {Float32Array} follow
 * @property {Float32Array} near
 * @property {Float32Array} shut x and y of 40
 * @property {Float32Array} rest likewise
 * @property {Float32Array} basis eleven times that: the mean, and what each amount adds
 * @property {Uint16Array} triangles
 */

/**
 * @typedef {object} Loaded
 * @property {PortraitSheet} sheet
 * @property {Net} net
 * @property {ImageBitmap} picture
 * @property {ImageBitmap} teeth
 * @property {ImageBitmap} jaw
 */

/**
 * @param {string} text
 * @param {number} fine
 */
function numbers(text, fine) {
  return Float32Array.from(new Int16Array(bytesOf(text).buffer), (value) => value * fine);
}

/**
 * @param {string} text
 * @param {string} type
 */
function image(text, type) {
  return createImageBitmap(new Blob([bytesOf(text)], { type }), { premultiplyAlpha: "premultiply" });
}

/**
 * @param {PortraitSheet} sheet
 * @returns {Net}
 */
export function net(sheet) {
  const { points, moves, lips } = sheet.fine;
  return {
    points: numbers(sheet.points, points),
    moves: numbers(sheet.moves, moves),
    follow: numbers(sheet.follow, moves),
    near: numbers(sheet.near, points),
    shut: numbers(sheet.shut, lips),
    rest: numbers(sheet.rest, lips),
    basis: numbers(sheet.basis, lips),
    triangles: new Uint16Array(bytesOf(sheet.triangles).buffer),
  };
}

/**
 * @param {PortraitSheet} sheet
 * @returns {Promise<Loaded>}
 */
export async function load(sheet) {
  const { teeth, jaw } = sheet.inside;
  const [picture, above, below] = await Promise.all([image(sheet.picture, "image/jpeg"), image(teeth, "image/png"), image(jaw, "image/png")]);
  return { sheet, net: net(sheet), picture, teeth: above, jaw: below };
}
