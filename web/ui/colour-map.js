/** One colour map for heat-maps and spectrograms: ever brighter, and from blue over red to yellow without any green against red. */

/** @type {[number, number, number][]} at equal steps */
const STOPS = [
  [16, 10, 96],
  [84, 8, 160],
  [156, 26, 156],
  [208, 62, 114],
  [240, 114, 66],
  [252, 180, 46],
  [252, 242, 104],
];

function build() {
  const map = new Uint8ClampedArray(256 * 3);
  for (let value = 0; value < 256; value += 1) {
    const place = (value / 255) * (STOPS.length - 1);
    const below = Math.min(Math.floor(place), STOPS.length - 2);
    for (let channel = 0; channel < 3; channel += 1) {
      const from = STOPS[below]?.[channel] ?? 0;
      const to = STOPS[below + 1]?.[channel] ?? 0;
      map[value * 3 + channel] = from + (to - from) * (place - below);
    }
  }
  return map;
}

/** Red, green, blue of each value 0..255, one after the other. */
export const COLOUR_MAP = build();
