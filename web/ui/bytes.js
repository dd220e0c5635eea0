/** Bytes that travel as base64 in the server's messages. */

/**
 * @param {string} base64
 * @returns {Uint8Array<ArrayBuffer>} empty when the text is no base64
 */
export function bytesOf(base64) {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}
