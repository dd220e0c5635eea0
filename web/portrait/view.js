/** A portrait on a tile: what it is stands on it, and its mouth moves with the sound that is heard. */
import { fetchPortrait } from "../call/api.js";
import { element } from "../ui/element.js";
import { t } from "../texts/texts.js";
import { FlatPainter } from "./flat-painter.js";
import { GlPainter } from "./gl-painter.js";
import { Life } from "./life.js";
import { Rig, STILL } from "./rig.js";
import { load } from "./sheet.js";

/** @import { Call } from "../call/call.js" */
/** @import { PortraitState } from "../types.js" */
/** @import { Loaded } from "./sheet.js" */

/** A little less than 1/30 s: screens refresh 60 times a second, not quite evenly. */
const EVERY_MS = 30;
/** Without WebGL every triangle costs. */
const FLAT_EVERY_MS = 90;

export const MARKS = {
  photo: { mark: t("Made picture"), title: t("A photo that is moved by its owner's voice. The camera is off.") },
  voice: { mark: t("Made from a voice: not a likeness"), title: t("A face of plausible gender and age, drawn for this voice by a network. It is nobody's.") },
};

export class PortraitView {
  /** @type {PortraitState | null} */ #state = null;
  /** @type {{ rig: Rig, life: Life, painter: GlPainter | FlatPainter, began: number } | null} */ #drawn = null;
  #wanted = false;
  #running = false;
  #last = 0;
  #still = matchMedia("(prefers-reduced-motion: reduce)");
  #mark = element("p", { class: "made-mark", "data-testid": "made-mark" });
  root = element("div", { class: "portrait gone", "data-testid": "portrait" }, this.#mark);

  /**
   * @param {Call} call
   * @param {string} id
   */
  constructor(call, id) {
    this.call = call;
    this.id = id;
  }

  /** @param {PortraitState | null} state */
  update(state) {
    if (state?.version === this.#state?.version) return;
    this.#state = state;
    this.#drop();
    if (state) void this.#load(state);
  }

  /** @param {boolean} wanted there is no picture of a camera */
  show(wanted) {
    this.#wanted = wanted;
    this.root.classList.toggle("gone", !wanted || !this.#drawn);
    if (!wanted || !this.#drawn || this.#running) return;
    this.#running = true;
    requestAnimationFrame((now) => this.#frame(now));
  }

  /** Whether it is to be seen now. */
  get shown() {
    return this.#wanted && !!this.#drawn;
  }

  remove() {
    this.#state = null;
    this.#drop();
  }

  /** @param {PortraitState} state */
  async #load(state) {
    const { joined, who } = this.call.connection;
    if (!joined) return;
    try {
      const loaded = await load(await fetchPortrait(who.room, this.id, joined.token));
      if (this.#state === state) this.#take(loaded, state);
    } catch {
      // They may have put it away meanwhile: their initial stays.
    }
  }

  /**
   * @param {Loaded} loaded
   * @param {PortraitState} state
   */
  #take(loaded, state) {
    this.#drop();
    const { mark, title } = MARKS[state.made];
    this.#mark.textContent = mark;
    this.root.title = title;
    this.#drawn = { rig: new Rig(loaded.sheet, loaded.net), life: new Life(loaded.sheet.life), painter: this.#painter(loaded), began: performance.now() };
    this.show(this.#wanted);
  }

  /** @param {Loaded} loaded */
  #painter(loaded) {
    const canvas = element("canvas", { "aria-hidden": "true" });
    try {
      const painter = new GlPainter(canvas, loaded);
      canvas.addEventListener("webglcontextlost", () => this.#state && this.#drawn?.painter === painter && this.#flatten(loaded));
      this.root.prepend(canvas);
      return painter;
    } catch {
      return this.#flat(loaded);
    }
  }

  /** @param {Loaded} loaded */
  #flat(loaded) {
    const canvas = element("canvas", { "aria-hidden": "true" });
    this.root.prepend(canvas);
    return new FlatPainter(canvas, loaded);
  }

  /** @param {Loaded} loaded WebGL was lost, as it may be at any time */
  #flatten(loaded) {
    this.root.querySelector("canvas")?.remove();
    if (this.#drawn) this.#drawn = { ...this.#drawn, painter: this.#flat(loaded) };
  }

  #drop() {
    const before = this.#drawn;
    this.#drawn = null;
    before?.painter.remove();
    this.root.querySelector("canvas")?.remove();
    this.root.classList.add("gone");
  }

  /** @param {number} now */
  #frame(now) {
    if (!this.shown || !this.root.isConnected) {
      this.#running = false;
      return;
    }
    requestAnimationFrame((next) => this.#frame(next));
    if (!this.#drawn) return;
    const { rig, life, painter, began } = this.#drawn;
    const flat = painter instanceof FlatPainter;
    if (now - this.#last < (flat ? FLAT_EVERY_MS : EVERY_MS)) return;
    this.#last = now;
    const still = this.#still.matches || flat;
    const stance = life.at((now - began) / 1000, rig.opening);
    rig.step(this.call.mouth(this.id).now(), still ? { ...STILL, lids: this.#still.matches ? 0 : stance.lids } : stance);
    painter.draw(rig);
  }
}
