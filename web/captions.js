/** Captions on a picture: each under its face, and those without a face, or without room, in a block at the foot. */
import { placeCaptions } from "./captionplace.js";
import { CaptionTrack } from "./captiontrack.js";
import { element } from "./element.js";
import { faceColour } from "./overlay.js";

/** @import { Line, Voice } from "./captiontrack.js" */
/** @import { Mark } from "./overlay.js" */
/** @import { View } from "./viewsettings.js" */

const LINE_HEIGHT = 1.3;
const PADDING = 6;
const MOST_AT_FOOT = 3;

class CaptionBox {
  #shown = "";

  /** @param {Voice} voice */
  constructor(voice) {
    this.words = element("span");
    const text = element("p", { class: "caption-text" }, element("span", { class: "caption-clip" }, this.words));
    this.root = element("div", { class: "caption-box", "data-testid": "caption", "data-face": voice }, text);
    if (typeof voice === "number") text.style.setProperty("--face", faceColour(voice));
  }

  /**
   * @param {string} name "" = the place says who
   * @param {Line[]} lines
   */
  fill(name, lines) {
    const key = JSON.stringify([name, lines.map(({ text, final }) => [text, final])]);
    if (key === this.#shown) return;
    this.#shown = key;
    const spans = lines.map(({ text, final }) => element("span", { class: final ? "final" : "partial" }, `${text} `));
    this.words.replaceChildren(...(name ? [element("b", {}, `${name}: `)] : []), ...spans);
  }

  /** @param {DOMRect | null} place null = in the flow of the block at the foot */
  put(place) {
    this.root.classList.toggle("placed", !!place);
    this.root.style.transform = place ? `translate(${place.x.toFixed(1)}px, ${place.y.toFixed(1)}px)` : "";
    this.root.style.width = place ? `${place.width.toFixed(1)}px` : "";
  }
}

export class CaptionLayer {
  track = new CaptionTrack();
  /** @type {Map<Voice, CaptionBox>} */ #boxes = new Map();

  constructor() {
    this.foot = element("div", { class: "captions-foot" });
    // The transcript says the same to screen readers, in order and only once.
    this.root = element("div", { class: "captions", "aria-hidden": "true" }, this.foot);
  }

  /**
   * @param {View} view
   * @param {number} width of the tile, CSS pixels
   * @returns {{ em: number, height: number }} of letters and of a caption of two lines
   */
  static size(view, width) {
    const em = Math.min(Math.max(width * 0.032, 13), 22) * view.captionSize;
    return { em, height: Math.ceil(em * LINE_HEIGHT * 2 + PADDING) };
  }

  /**
   * @param {View} view
   * @param {Omit<Mark, "heard" | "focused">[]} marks the faces on the screen
   * @param {(face: number) => string} nameOf
   * @param {{ width: number, height: number }} tile CSS pixels
   * @param {number} now milliseconds
   */
  show(view, marks, nameOf, tile, now) {
    const voices = view.captions ? this.track.current(now) : new Map();
    for (const [voice, box] of this.#boxes) {
      if (voices.has(voice)) continue;
      box.root.remove();
      this.#boxes.delete(voice);
    }
    if (!voices.size) return;
    const size = CaptionLayer.size(view, tile.width);
    this.root.style.setProperty("--em", `${size.em}px`);
    if (this.root.dataset.style !== view.captionStyle) this.root.dataset.style = view.captionStyle;
    const seen = marks.filter(({ face }) => voices.has(face.id)).map(({ face, rect }) => ({ id: face.id, rect }));
    const places = placeCaptions(seen, tile, size);
    let atFoot = 0;
    for (const [voice, lines] of voices) {
      const place = typeof voice === "number" ? places.get(voice) : undefined;
      const box = this.#box(voice);
      box.fill(place || typeof voice !== "number" ? "" : nameOf(voice), lines);
      box.put(place ?? null);
      const parent = place ? this.root : this.foot;
      if (box.root.parentElement !== parent) parent.append(box.root);
      if (!place) box.root.hidden = (atFoot += 1) > MOST_AT_FOOT;
      else box.root.hidden = false;
    }
  }

  /** @param {Voice} voice */
  #box(voice) {
    let box = this.#boxes.get(voice);
    if (!box) this.#boxes.set(voice, (box = new CaptionBox(voice)));
    return box;
  }
}
