/** Questions to the server whose answers come as messages of their own: which are open, and which nobody answered. */

const PATIENCE_MS = 15_000;

/** Across all kinds, and with a start drawn by chance: an answer to the page before a reload fits no question of this one. */
let lastId = Math.floor(Math.random() * 2 ** 40);

export class Requests {
  /** @type {Map<number, number>} id, timer */ #open = new Map();

  /** @param {(id: number) => void} onSilence no answer came in time */
  constructor(onSilence) {
    this.onSilence = onSilence;
  }

  /** @returns {number} the id of a new request */
  begin() {
    const id = (lastId += 1);
    this.#open.set(
      id,
      setTimeout(() => {
        this.#open.delete(id);
        this.onSilence(id);
      }, PATIENCE_MS),
    );
    return id;
  }

  /**
   * @param {number} id
   * @returns {boolean} whether it was open
   */
  end(id) {
    clearTimeout(this.#open.get(id));
    return this.#open.delete(id);
  }
}
