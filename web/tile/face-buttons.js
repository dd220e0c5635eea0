/** Real buttons and name labels over the faces of one tile, for pointer, keyboard and screen reader alike. */
import { labelTop } from "./caption-place.js";
import { element, icon } from "../ui/element.js";
import { editName, editing } from "../ui/name-field.js";
import { faceColour } from "./overlay.js";
import { t } from "../texts/texts.js";
import { percent } from "../texts/formats.js";

/** @import { FaceOverlay } from "../types.js" */
/** @import { PlacedFace } from "./overlay.js" */

const SMALLEST = 28;
const GONE_MS = 700;

/**
 * @typedef {object} FaceButtonListener
 * @property {(face: number) => void} onPick
 * @property {(face: number, name: string) => void} onRename
 */

/**
 * @typedef {object} FaceRoom
 * @property {number} width CSS pixels of the tile
 * @property {number} height
 * @property {number} caption height kept free under a face and its name, 0 = none
 * @property {number} head height of what stands along the upper edge
 */

/**
 * @typedef {object} FaceRights
 * @property {boolean} own one cannot listen to oneself: such a face has a label and no button
 * @property {boolean} mayRename watchers may not
 */

class FaceButton {
  lastSeen = 0;

  /**
   * @param {string} participant
   * @param {number} id
   * @param {FaceRights} rights
   * @param {FaceButtonListener} listener
   */
  constructor(participant, id, { own, mayRename }, listener) {
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
      ...(mayRename && { "aria-keyshortcuts": "F2" }),
    });
    this.name = element("span", { class: "face-name", dir: "auto" });
    this.dot = element("span", { class: "dot" });
    this.badgeText = element("span", { class: "visually-hidden" });
    this.badge = element("span", { class: "voice-print", "data-testid": "voice-print" }, icon("voice"), this.badgeText);
    this.pencil = element("button", { type: "button", class: "quiet-button pencil", ...data }, icon("pencil"));
    this.label = element("div", { class: "face-label", ...data }, this.dot, this.name, this.badge, this.pencil);
    this.dot.style.background = faceColour(id);
    this.button.addEventListener("click", () => listener.onPick(id));
    this.pencil.hidden = !mayRename;
    if (!mayRename) return;
    this.name.classList.add("renamable");
    this.pencil.addEventListener("click", () => this.edit());
    this.name.addEventListener("dblclick", () => this.edit());
    for (const target of [this.button, this.pencil]) {
      target.addEventListener("keydown", (event) => {
        if (event.key === "F2") this.edit();
      });
    }
  }

  /** A name that is being typed is not taken away because its face turned aside. */
  get editing() {
    return editing(this.label);
  }

  edit() {
    editName(this.name, (name) => this.listener.onRename(this.id, name));
  }

  /**
   * @param {PlacedFace} placed
   * @param {string} owner
   * @param {FaceRoom} room
   */
  show({ face, rect, heard, focused, glow }, owner, { width, height, caption, head }) {
    const w = Math.max(rect.width, SMALLEST);
    const h = Math.max(rect.height, SMALLEST);
    const x = rect.x - (w - rect.width) / 2;
    const y = rect.y - (h - rect.height) / 2;
    this.button.style.transform = `translate(${x}px, ${y}px)`;
    this.button.style.width = `${w}px`;
    this.button.style.height = `${h}px`;
    const labelY = labelTop({ y, height: h }, height, caption, head);
    const labelX = Math.min(Math.max(4, x), Math.max(4, width - this.label.offsetWidth - 4));
    this.label.style.transform = `translate(${labelX}px, ${labelY}px)`;
    this.#text(face, owner);
    this.button.setAttribute("aria-pressed", String(focused));
    this.label.classList.toggle("focused", focused);
    this.label.classList.toggle("unheard", !heard);
    this.label.classList.toggle("speaking", heard && glow > 0.5);
    this.#voicePrint(face);
  }

  /** @param {FaceOverlay} face */
  #voicePrint({ voice, voice_confidence }) {
    const sure = percent(Math.round(10 * voice_confidence) / 10);
    const text = { unknown: "", listening: t("Learning this voice"), known: t("Voice known, {percent} sure", { percent: sure }), dropped: t("Voice forgotten: it did not fit") }[voice];
    if (this.badgeText.textContent === text) return;
    this.badgeText.textContent = this.badge.title = text;
    this.badge.dataset.state = voice;
    this.badge.hidden = !text;
  }

  /**
   * @param {FaceOverlay} face
   * @param {string} owner
   */
  #text(face, owner) {
    const name = face.name || t("Face {n}", { n: face.id });
    if (this.name.textContent === name && this.button.ariaLabel) return;
    this.name.textContent = name;
    this.button.ariaLabel = t("Hear only {face} of {owner}", { face: name, owner });
    this.button.title = t("Hear only {name}", { name });
    this.pencil.ariaLabel = t("Rename {name}", { name });
    this.pencil.title = t("Rename (F2)");
  }

  remove() {
    this.button.remove();
    this.label.remove();
  }
}

export class FaceButtons {
  /** @type {Map<number, FaceButton>} */ #buttons = new Map();

  /**
   * @param {HTMLElement} layer
   * @param {string} participant
   * @param {FaceRights} rights
   * @param {FaceButtonListener} listener
   */
  constructor(layer, participant, rights, listener) {
    this.layer = layer;
    this.participant = participant;
    this.rights = rights;
    this.listener = listener;
  }

  /**
   * @param {PlacedFace[]} faces
   * @param {string} owner name of the participant
   * @param {FaceRoom} room
   */
  show(faces, owner, room) {
    const now = performance.now();
    for (const placed of faces) {
      let shown = this.#buttons.get(placed.face.id);
      if (!shown) {
        shown = new FaceButton(this.participant, placed.face.id, this.rights, this.listener);
        this.#buttons.set(placed.face.id, shown);
        this.layer.append(...(this.rights.own ? [] : [shown.button]), shown.label);
      }
      shown.lastSeen = now;
      shown.show(placed, owner, room);
    }
    for (const [id, shown] of this.#buttons) {
      // A face missed in a frame or two keeps its button, and with it the keyboard's focus.
      if (now - shown.lastSeen < GONE_MS || shown.editing) continue;
      shown.remove();
      this.#buttons.delete(id);
    }
  }
}
