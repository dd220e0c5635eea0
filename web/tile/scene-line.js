/** The line that says what the camera sees; on each of its words the place in the picture it was read from. */
import { element } from "../ui/element.js";
import { HeatLayer } from "./heat.js";
import { heatOf } from "./heat-track.js";
import { t } from "../texts/texts.js";

/** @import { SceneDescription } from "../types.js" */

const SIDE = 14;
const GONE_MS = 15_000;

/** @typedef {{ word: string, heat: import("./heat-track.js").Heat | null }} SeenWord */

/**
 * Attention sums to one over the picture: its strongest place is made the brightest.
 * @param {SceneDescription["words"][number]} word
 * @returns {SeenWord}
 */
function seen({ word, heat }) {
  const map = heatOf(heat, SIDE, SIDE, 1);
  const most = Math.max(...(map?.values ?? [0]));
  return { word, heat: map && most > 0 ? { ...map, values: map.values.map((value) => value / most) } : null };
}

export class SceneLine {
  /** @type {SceneDescription | null} */ #waiting = null;
  /** @type {HTMLButtonElement[]} */ #buttons = [];
  /** @type {SeenWord[]} */ #words = [];
  /** @type {HTMLElement | null} */ #lit = null;
  #until = -Infinity;
  #wanted = true;

  /**
   * @param {boolean} mirrored
   * @param {(t: number) => HTMLCanvasElement | null} pictureAt a kept picture of that time
   */
  constructor(mirrored, pictureAt) {
    this.pictureAt = pictureAt;
    this.root = element("p", { class: "scene", role: "toolbar", "data-testid": "scene" });
    this.root.hidden = true;
    this.picture = element("canvas", { class: `scene-picture gone${mirrored ? " mirrored" : ""}`, "aria-hidden": "true" });
    this.heat = new HeatLayer(mirrored, "scene-heat");
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.root.addEventListener("focusin", (event) => this.#light(event.target));
    this.root.addEventListener("pointerover", (event) => this.#light(event.target));
    // From word to word the focus stays in the line, which must not be rewritten in between.
    this.root.addEventListener("focusout", ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Node && this.root.contains(relatedTarget))) this.#dim();
    });
    this.root.addEventListener("pointerleave", () => this.#dim());
  }

  /**
   * @param {SceneDescription} message
   * @param {number} now milliseconds
   */
  push(message, now) {
    this.#until = now + GONE_MS;
    // Whoever reads a word is not to lose it under the pointer.
    if (this.#read) this.#waiting = message;
    else this.#write(message);
  }

  /**
   * @param {boolean} wanted
   * @param {number} now milliseconds
   */
  show(wanted, now) {
    this.#wanted = wanted;
    this.root.hidden = !this.#read && (!wanted || now > this.#until || !this.#buttons.length);
  }

  /** Whether a word is under the pointer or has the focus. */
  get #read() {
    return !!this.#lit || this.root.contains(document.activeElement);
  }

  /** @param {SceneDescription} message */
  #write({ t: then, text, words: given }) {
    const words = given.length ? given : text.split(" ").filter(Boolean).map((word) => ({ word, heat: "" }));
    this.root.setAttribute("aria-label", t("The camera sees: {text}. Each word shows where in the picture it was seen.", { text }));
    const same = this.#words.length === words.length && this.#words.every(({ word }, i) => word === words[i]?.word);
    this.#words = words.map(seen);
    this.#keepPicture(then);
    if (same) return;
    this.#buttons = words.map(({ word }, i) => element("button", { type: "button", class: "scene-word", lang: "en", tabindex: i ? -1 : 0 }, word));
    this.root.replaceChildren(...this.#buttons.flatMap((button, i) => (i ? [" ", button] : [button])));
  }

  /** @param {number} t */
  #keepPicture(t) {
    const kept = this.pictureAt(t);
    this.picture.dataset.kept = kept ? "yes" : "no";
    if (!kept) return;
    this.picture.width = kept.width;
    this.picture.height = kept.height;
    this.picture.getContext("2d")?.drawImage(kept, 0, 0);
  }

  /** @param {EventTarget | null} target */
  #light(target) {
    const at = this.#buttons.findIndex((button) => button === target);
    const word = this.#words[at];
    if (!word) return;
    this.#lit?.classList.remove("lit");
    this.#lit = this.#buttons[at] ?? null;
    this.#lit?.classList.add("lit");
    this.picture.classList.toggle("gone", this.picture.dataset.kept !== "yes");
    this.heat.show(word.heat && { heat: word.heat, level: 1, peak: null }, 0.75);
  }

  #dim() {
    const focused = this.root.contains(document.activeElement) ? document.activeElement : null;
    if (focused) return this.#lit ? this.#light(focused) : undefined;
    this.#putOut();
    if (this.#waiting) this.#write(this.#waiting);
    this.#waiting = null;
    this.show(this.#wanted, performance.now());
  }

  #putOut() {
    this.#lit?.classList.remove("lit");
    this.#lit = null;
    this.picture.classList.add("gone");
    this.heat.show(null, 0);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape" && this.#lit) {
      // The kept picture goes, the live one is seen again.
      this.#putOut();
      event.preventDefault();
      return;
    }
    const at = this.#buttons.findIndex((button) => button === event.target);
    const last = this.#buttons.length - 1;
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: Math.min(at + 1, last), ArrowLeft: Math.max(at - 1, 0), Home: 0, End: last };
    const next = this.#buttons[steps[event.key] ?? -1];
    if (at < 0 || !next) return;
    for (const button of this.#buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
    event.preventDefault();
  }
}
