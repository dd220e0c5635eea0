/** Three hints at the first use, once somebody's face is to be seen. */
import { find } from "../ui/element.js";

const KEY = "earshot.hints";

/** @returns {boolean} whether they were read before */
function read() {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false; // storage may be forbidden
  }
}

export class Hints {
  #root = find("#hints", HTMLElement);
  #over = read();

  constructor() {
    find("#hints-close", HTMLButtonElement).addEventListener("click", () => this.#close());
  }

  /** There is a face that can be clicked. */
  faceSeen() {
    if (!this.#over) this.#root.hidden = false;
  }

  #close() {
    this.#over = true;
    this.#root.hidden = true;
    try {
      localStorage.setItem(KEY, "read");
    } catch {
      // then they are shown again
    }
  }
}
