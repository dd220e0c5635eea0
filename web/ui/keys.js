/** Which letter a key means, whatever the keyboard writes with it. */

const HANGUL = /^[\u3131-\u318e]$/;

/**
 * @param {KeyboardEvent} event
 * @returns {string} small letter or name of the key; of one that writes Hangul just now, its Latin letter
 */
export function letterOf({ key, code }) {
  return (HANGUL.test(key) ? code.replace(/^Key/, "") : key).toLowerCase();
}
