/** Real buttons and name labels over the faces of one tile, for pointer, keyboard and screen reader alike. */
import { element, icon } from "./element.js";
import { faceColour } from "./overlay.js";

/** @import { Face } from "./types.js" */
/** @import { Mark } from "./overlay.js" */

const SMALLEST = 28;
const LABEL_HEIGHT = 26;
/** The participant's name stands in the lower left corner. */
const CAPTION_HEIGHT = 36;
const GONE_MS = 700;

/**
 * @typedef {object} FaceMarkListener
 * @property {(face: number) => void} onPick
 * @property {(face: number, name: string) => void} onRename
 */

class FaceMark {
  lastSeen = 0;

  /**
   * @param {string} participant
   * @param {number} id
   * @param {boolean} own one cannot listen to oneself: such a face has a label and no button
   * @param {FaceMarkListener} listener
   */
  constructor(participant, id, own, listener) {
    this.id = id;
    this.own = own;
    this.listener = listener;
    const data = { "data-participant": participant, "data-face": id };
    this.button = element("button", {
      ...data,
      type: "button",
      class: "face-button",
      "data-testid": "face",
      "aria-pressed": "false",
      "aria-keyshortcuts": "F2",
    });
    this.name = element("span", { class: "face-name" });
    this.dot = element("span", { class: "dot" });
    this.badge = element("span", { class: "voice-known", title: "Voice known" }, icon("voice"));
    this.badge.append(element("span", { class: "visually-hidden" }, "Voice known"));
    this.pencil = element("button", { type: "button", class: "quiet-button pencil", ...data }, icon("pencil"));
    this.label = element("div", { class: "face-label", ...data }, this.dot, this.name, this.badge, this.pencil);
    this.dot.style.background = faceColour(id);
    this.button.addEventListener("click", () => listener.onPick(id));
    this.pencil.addEventListener("click", () => this.edit());
    this.name.addEventListener("dblclick", () => this.edit());
    for (const target of [this.button, this.pencil]) {
      target.addEventListener("keydown", (event) => {
        if (event.key === "F2") this.edit();
      });
    }
  }

  /** Turns the label into a text field until Enter, Escape or the loss of focus. */
  edit() {
    if (this.label.querySelector("input")) return;
    const old = this.name.textContent ?? "";
    const input = element("input", { class: "face-rename", value: old, maxlength: 60, "aria-label": `Name of ${old}` });
    const back = document.activeElement;
    let open = true;
    /** @param {boolean} keep */
    const finish = (keep) => {
      if (!open) return;
      open = false;
      const name = input.value.trim();
      input.replaceWith(this.name);
      if (back instanceof HTMLElement && back.isConnected) back.focus();
      if (keep && name && name !== old) this.listener.onRename(this.id, name);
    };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") finish(true);
      if (event.key === "Escape") finish(false);
    });
    input.addEventListener("blur", () => finish(true));
    this.name.replaceWith(input);
    input.focus();
    input.select();
  }

  /**
   * @param {Mark} mark
   * @param {string} owner
   * @param {number} width
   * @param {number} height
   */
  show({ face, rect, heard, focused, glow }, owner, width, height) {
    const w = Math.max(rect.width, SMALLEST);
    const h = Math.max(rect.height, SMALLEST);
    const x = rect.x - (w - rect.width) / 2;
    const y = rect.y - (h - rect.height) / 2;
    this.button.style.transform = `translate(${x}px, ${y}px)`;
    this.button.style.width = `${w}px`;
    this.button.style.height = `${h}px`;
    const below = y + h + 6;
    const labelY = below + LABEL_HEIGHT < height - CAPTION_HEIGHT ? below : Math.max(4, y - LABEL_HEIGHT - 6);
    const labelX = Math.min(Math.max(4, x), Math.max(4, width - this.label.offsetWidth - 4));
    this.label.style.transform = `translate(${labelX}px, ${labelY}px)`;
    this.#text(face, owner);
    this.button.setAttribute("aria-pressed", String(focused));
    this.label.classList.toggle("focused", focused);
    this.label.classList.toggle("unheard", !heard);
    this.label.classList.toggle("speaking", heard && glow > 0.5);
    this.badge.hidden = !face.voice_known;
  }

  /**
   * @param {Face} face
   * @param {string} owner
   */
  #text(face, owner) {
    const name = face.name || `Face ${face.id}`;
    if (this.name.textContent === name && this.button.ariaLabel) return;
    this.name.textContent = name;
    this.button.ariaLabel = `Hear only ${name} of ${owner}`;
    this.button.title = `Hear only ${name}`;
    this.pencil.ariaLabel = `Rename ${name}`;
    this.pencil.title = "Rename (F2)";
  }

  remove() {
    this.button.remove();
    this.label.remove();
  }
}

export class FaceMarks {
  /** @type {Map<number, FaceMark>} */ #marks = new Map();

  /**
   * @param {HTMLElement} layer
   * @param {string} participant
   * @param {boolean} own
   * @param {FaceMarkListener} listener
   */
  constructor(layer, participant, own, listener) {
    this.layer = layer;
    this.participant = participant;
    this.own = own;
    this.listener = listener;
  }

  /**
   * @param {Mark[]} marks
   * @param {string} owner name of the participant
   * @param {number} width CSS pixels of the tile
   * @param {number} height
   */
  show(marks, owner, width, height) {
    const now = performance.now();
    for (const mark of marks) {
      let shown = this.#marks.get(mark.face.id);
      if (!shown) {
        shown = new FaceMark(this.participant, mark.face.id, this.own, this.listener);
        this.#marks.set(mark.face.id, shown);
        this.layer.append(...(this.own ? [] : [shown.button]), shown.label);
      }
      shown.lastSeen = now;
      shown.show(mark, owner, width, height);
    }
    for (const [id, shown] of this.#marks) {
      // A face missed in a frame or two keeps its button, and with it the keyboard's focus.
      if (now - shown.lastSeen < GONE_MS) continue;
      shown.remove();
      this.#marks.delete(id);
    }
  }
}
