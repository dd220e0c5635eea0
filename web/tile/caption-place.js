/** Where captions stand in a tile: under their face, beside each other, inside the picture. Arithmetic only. */

const EDGE = 4;
/** In widths of a capital letter's height: narrower than this a line holds two words. */
const NARROWEST_EM = 9;
const WIDEST_EM = 24;
export const LABEL_HEIGHT = 26;
/** The participant's name stands in the lower left corner. */
export const FOOT_HEIGHT = 36;
export const LABEL_GAP = 6;
/** Tiles as wide as this have room for a caption beside the participant's name; insight.css has the same figure. */
export const BESIDE_NAME = 340;
const LINE_HEIGHT = 1.3;
const PADDING = 6;
const GAP = 3;
/** Width of a letter, on average and rather too wide. */
const LETTER_EM = 0.55;
/** Letters of East Asia are as wide as they are high. */
const WIDE = /[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/gu;

/**
 * @param {number} em of letters, CSS pixels
 * @returns {number} height of a caption of two lines
 */
export function captionHeight(em) {
  return Math.ceil(em * LINE_HEIGHT * 2 + PADDING);
}

/** @param {string} text @returns {number} in heights of its letters */
function widthOf(text) {
  const wide = text.match(WIDE)?.length ?? 0;
  return wide + (text.length - wide) * LETTER_EM;
}

/**
 * What captions without a face take from those under faces: the first line stands beside the participant's name.
 * @param {string[]} texts
 * @param {number} width of the tile, CSS pixels
 * @param {number} em of letters
 * @returns {number} height above that of the name
 */
export function footReserve(texts, width, em) {
  /** @param {string} text */
  const lines = (text) => Math.ceil((widthOf(text) * em) / (width * 0.75));
  const heights = texts.map((text) => Math.min(2, lines(text)) * em * LINE_HEIGHT + PADDING + GAP);
  return Math.max(0, heights.reduce((sum, height) => sum + height, PADDING - FOOT_HEIGHT));
}

/**
 * The name of a face stands under it, or above where there is no room for it and its caption.
 * @param {{ y: number, height: number }} rect the face, CSS pixels
 * @param {number} height of the tile
 * @param {number} caption height kept free for a caption, 0 = none
 * @param {number} [head] height of what stands along the tile's upper edge
 * @returns {number} top of the name, CSS pixels
 */
export function labelTop(rect, height, caption, head = 0) {
  const below = rect.y + rect.height + LABEL_GAP;
  const fits = below + LABEL_HEIGHT + caption < height - FOOT_HEIGHT;
  return fits ? below : Math.max(EDGE, head + EDGE, rect.y - LABEL_HEIGHT - LABEL_GAP);
}

/**
 * @param {{ id: number, rect: DOMRect }[]} faces those with a caption
 * @param {{ width: number, height: number }} tile
 * @param {{ em: number, height: number }} size of letters and of a caption of two lines, CSS pixels
 * @param {number} [reserve] height kept free above the participant's name
 * @returns {Map<number, DOMRect>} where each caption stands; a face without enough room is left out
 */
export function placeCaptions(faces, tile, size, reserve = 0) {
  /** @type {Map<number, DOMRect>} */
  const places = new Map();
  /** @param {{ rect: DOMRect }} face */
  const centre = ({ rect }) => rect.x + rect.width / 2;
  const sorted = [...faces].sort((a, b) => centre(a) - centre(b));
  const lowest = tile.height - FOOT_HEIGHT - reserve - size.height;
  sorted.forEach((face, i) => {
    const [before, after] = [sorted[i - 1], sorted[i + 1]];
    const left = before ? Math.max(EDGE, (centre(before) + centre(face)) / 2 + EDGE / 2) : EDGE;
    const right = after ? Math.min(tile.width - EDGE, (centre(after) + centre(face)) / 2 - EDGE / 2) : tile.width - EDGE;
    const widest = Math.min(right - left, WIDEST_EM * size.em);
    const outside = centre(face) < 0 || centre(face) > tile.width;
    if (widest < NARROWEST_EM * size.em || lowest < EDGE || outside) return;
    const width = Math.min(widest, Math.max(face.rect.width * 1.4, WIDEST_EM * 0.7 * size.em));
    const x = Math.min(Math.max(centre(face) - width / 2, left), right - width);
    const bottom = face.rect.y + face.rect.height + LABEL_GAP;
    const labelled = labelTop(face.rect, tile.height, size.height + reserve) >= bottom;
    const y = Math.max(EDGE, Math.min(bottom + (labelled ? LABEL_HEIGHT + EDGE : 0), lowest));
    places.set(face.id, new DOMRect(x, y, width, size.height));
  });
  return places;
}
