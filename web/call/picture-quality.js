/** How good a picture this page sends: what the camera is asked for, and how many bits a second it may take. */

/** @typedef {"low" | "standard" | "high"} Quality */

/** @type {Record<Quality, { width: number, height: number, bitrate: number }>} */
export const QUALITIES = {
  low: { width: 320, height: 240, bitrate: 300_000 },
  standard: { width: 640, height: 480, bitrate: 1_200_000 },
  high: { width: 1280, height: 720, bitrate: 2_500_000 },
};

/**
 * @param {string} name
 * @returns {Quality}
 */
export function qualityOf(name) {
  return name === "low" || name === "high" ? name : "standard";
}

/**
 * @param {Quality} quality
 * @returns {MediaTrackConstraints}
 */
export function pictureOf(quality) {
  const { width, height } = QUALITIES[quality];
  return { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 25, max: 30 } };
}
