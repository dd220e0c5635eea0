/** Captions on a picture: each under its face, and those without a face, or without room, in a block at the foot. */
import { BESIDE_NAME, captionHeight, footReserve, placeCaptions } from "./caption-place.js";
import { CaptionTrack } from "./caption-track.js";
import { element } from "../ui/element.js";
import { faceColour } from "./overlay.js";

/** @import { Line, Voice } from "./caption-track.js" */
/** @import { PlacedFace } from "./overlay.js" */
/** @import { View } from "../ui/view-settings.js" */

const MOST_AT_FOOT = 3;

/** @param {Voice} voice @returns {voice is number} whether there may be a face to it, or at least a name */
const isSpeaker = (voice) => typeof voice === "number";

class CaptionBox {
  #shown = "";

  /** @param {Voice} voice */
  constructor(voice) {
    this.name = element("b", { class: "caption-name" });
    // Its own direction, whichever the name's.
    this.words = element("span", { dir: "auto" });
    // The name stands outside: it is to be read however long the line grows.
    const text = element("p", { class: "caption-text" }, this.name, element("span", { class: "caption-clip" }, this.words));
    this.root = element("div", { class: "caption-box", "data-testid": "caption", "data-face": voice }, text);
    if (isSpeaker(voice)) text.style.setProperty("--face", faceColour(voice));
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
    this.name.replaceChildren(...(name ? [element("bdi", {}, name), ": "] : []));
    this.words.replaceChildren(...spans);
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
  /** CSS pixels that the captions at the foot take from those under faces. */ reserve = 0;

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
    return { em, height: captionHeight(em) };
  }

  /**
   * @param {View} view
   * @param {Omit<PlacedFace, "heard" | "focused">[]} faces the faces on the screen
   * @param {(speaker: number) => string} nameOf
   * @param {{ width: number, height: number }} tile CSS pixels
   * @param {number} now milliseconds
   */
  show(view, faces, nameOf, tile, now) {
    /** @type {Map<Voice, Line[]>} */
    const voices = view.captions ? this.track.current(now) : new Map();
    for (const [voice, box] of this.#boxes) {
      if (voices.has(voice)) continue;
      box.root.remove();
      this.#boxes.delete(voice);
    }
    this.reserve = 0;
    if (!voices.size) return;
    const size = CaptionLayer.size(view, tile.width);
    this.root.style.setProperty("--em", `${size.em}px`);
    if (this.root.dataset.style !== view.captionStyle) this.root.dataset.style = view.captionStyle;
    const seen = faces.filter(({ face }) => voices.has(face.id)).map(({ face, rect }) => ({ id: face.id, rect }));
    const faceless = [...voices]
      .filter(([voice]) => !isSpeaker(voice) || voice < 0)
      .map(([voice, lines]) => [isSpeaker(voice) ? `${nameOf(voice)}:` : "", ...lines.map(({ text }) => text)].join(" "));
    this.reserve = footReserve(faceless, tile.width, size.em);
    const places = placeCaptions(seen, tile, size, this.reserve);
    let atFoot = 0;
    for (const [voice, lines] of voices) {
      const place = isSpeaker(voice) ? places.get(voice) : undefined;
      const box = this.#box(voice);
      box.fill(place || !isSpeaker(voice) ? "" : nameOf(voice), lines);
      box.put(place ?? null);
      const parent = place ? this.root : this.foot;
      if (box.root.parentElement !== parent) parent.append(box.root);
      // In a small tile voices come first; the chips name the sound as well.
      const crowded = voice === "sound" && tile.width < BESIDE_NAME && voices.size > 1;
      box.root.hidden = crowded || (!place && (atFoot += 1) > MOST_AT_FOOT);
    }
  }

  /** @param {Voice} voice */
  #box(voice) {
    let box = this.#boxes.get(voice);
    if (!box) this.#boxes.set(voice, (box = new CaptionBox(voice)));
    return box;
  }
}
