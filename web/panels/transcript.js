/** Everything that was said, by whom and when: final lines as a log, and what is being said now under it. */
import { element } from "../ui/element.js";
import { Menu } from "../ui/menu.js";
import { t, told } from "../texts/texts.js";
import { clock } from "../texts/formats.js";

/** @import { Call } from "../call/call.js" */
/** @import { CaptionLine } from "../types.js" */
/** @import { ViewSettings } from "../ui/view-settings.js" */

const MOST_LINES = 500;
const PARTIAL_MS = 5000;
const SAME_S = 30;
/** Whoever scrolled up by more than this reads, and is left in peace. */
const NEAR_END_PX = 40;

/**
 * @typedef {object} Said
 * @property {string} participant
 * @property {number | null} id of the line; null = a sound
 * @property {number | null} face
 * @property {number} start
 * @property {HTMLElement} row
 * @property {HTMLElement} name
 */

export class Transcript {
  /** @type {Said[]} in order of start */ #said = [];
  /** @type {Map<string, number>} when each line that is final began */ #finals = new Map();
  /** @type {Map<string, { message: CaptionLine, at: number }>} */ #partials = new Map();
  #menu = new Menu(t("Who said this"), "speaker-menu");
  #frame = 0;
  #timer = 0;
  /** The newest line stays in view until someone scrolls up. */ #following = true;

  /**
   * @param {{ log: HTMLElement, now: HTMLElement, empty: HTMLElement, newer: HTMLButtonElement }} parts
   * @param {Call} call
   * @param {ViewSettings} settings
   */
  constructor(parts, call, settings) {
    this.parts = parts;
    this.call = call;
    const { log, newer } = parts;
    const live = () => log.setAttribute("aria-live", settings.now.readLines ? "polite" : "off");
    settings.addEventListener("change", live);
    live();
    newer.addEventListener("click", () => this.#toEnd());
    log.addEventListener("scroll", () => this.#scrolled());
    // The panel was opened, or the window made smaller.
    new ResizeObserver(() => this.#following && this.#toEnd()).observe(log);
  }

  /**
   * @param {CaptionLine} message
   * @returns {boolean} whether it was final already; then only who said it can be new
   */
  push(message) {
    const { participant, face, id, text, start, final } = message;
    const key = `${participant} ${id}`;
    // Told twice, for instance to a page that comes back; a server that was restarted counts anew.
    const known = Math.abs((this.#finals.get(key) ?? -Infinity) - start) < SAME_S;
    if (!final) {
      if (!known) this.#partials.set(key, { message, at: performance.now() });
    } else {
      this.#partials.delete(key);
      if (!known) {
        this.#finals.set(key, start);
        if (text) this.#write({ participant, face, start, id }, text, "");
      } else this.#setSpeaker(message);
    }
    this.#showNow();
    return known && final;
  }

  /**
   * @param {string} participant
   * @param {number} t
   * @param {string[]} names
   */
  sound(participant, t, names) {
    this.#write({ participant, face: null, start: t, id: null }, names.map((name) => `[${told(name)}]`).join(" "), "said-sound");
  }

  /** Whether screen readers are told of new lines as they come. */
  get readAloud() {
    return this.parts.log.ariaLive === "polite" && this.parts.log.checkVisibility();
  }

  /** Names given later stand on earlier lines too. */
  roomChanged() {
    for (const said of this.#said) {
      const here = !!this.call.participant(said.participant);
      if (here) said.name.textContent = this.call.speaker(said.participant, said.face);
      if (said.name instanceof HTMLButtonElement) said.name.disabled = !here;
    }
  }

  /** @param {CaptionLine} message */
  #setSpeaker({ participant, id, face }) {
    const said = this.#said.find((line) => line.participant === participant && line.id === id);
    if (!said) return;
    said.face = face;
    said.name.textContent = this.call.speaker(participant, face);
  }

  /** @param {Said} said */
  #choose(said) {
    const { participant, id } = said;
    if (id === null) return;
    const named = Object.keys(this.call.participant(participant)?.faces ?? {}).map(Number);
    const spoke = this.#said.filter((line) => line.participant === participant && line.face !== null).map(({ face }) => Number(face));
    const speakers = [...new Set([...this.call.speakerIds(participant), ...named, ...spoke])];
    const choices = [...speakers, null].map((face) => ({
      name: this.call.speaker(participant, face),
      checked: face === said.face,
      act: () => face !== said.face && this.call.setSpeaker(participant, id, face),
    }));
    this.#menu.open(said.name, choices);
  }

  /**
   * @param {Omit<Said, "row" | "name">} line
   * @param {string} text
   * @param {string} kind
   */
  #write(line, text, kind) {
    const { log, empty, newer } = this.parts;
    const { participant, face, start, id } = line;
    const who = this.call.speaker(participant, face);
    const name =
      id !== null && this.call.mayName && this.call.participant(participant)
        ? element("button", { type: "button", class: "said-name", dir: "auto", "aria-haspopup": "menu", title: t("Somebody else said this") }, who)
        : element("b", { class: "said-name", dir: "auto" }, who);
    const time = element("time", { class: "said-time", datetime: new Date(start * 1000).toISOString() }, clock(start));
    const row = element("div", { class: `said ${kind}`, "data-testid": "said" }, name, " ", time, element("p", { dir: "auto" }, text));
    let at = this.#said.length;
    while (at > 0 && (this.#said[at - 1]?.start ?? 0) > start) at -= 1;
    log.insertBefore(row, this.#said[at]?.row ?? null);
    const said = { ...line, row, name };
    if (name instanceof HTMLButtonElement) name.addEventListener("click", () => this.#choose(said));
    this.#said.splice(at, 0, said);
    while (this.#said.length > MOST_LINES) this.#said.shift()?.row.remove();
    for (const key of this.#finals.keys()) {
      if (this.#finals.size <= MOST_LINES) break;
      this.#finals.delete(key);
    }
    empty.hidden = true;
    if (this.#following) this.#follow();
    else newer.hidden = false;
  }

  #toEnd() {
    this.#following = true;
    this.parts.log.scrollTop = this.parts.log.scrollHeight;
    this.parts.newer.hidden = true;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.parts.log;
    // Lines of the same moment are not laid out yet: such a scroll is not a person's.
    if (!clientHeight || this.#frame) return;
    this.#following = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    if (this.#following) this.parts.newer.hidden = true;
  }

  /** However many lines come at once, the page is laid out once. */
  #follow() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#toEnd();
    });
  }

  #showNow() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      const now = performance.now();
      for (const [key, { at }] of this.#partials) if (now - at > PARTIAL_MS) this.#partials.delete(key);
      const rows = [...this.#partials.values()].map(({ message: { participant, face, text } }) =>
        element("p", {}, element("b", { dir: "auto" }, this.call.speaker(participant, face)), " ", element("span", { dir: "auto" }, text)),
      );
      this.parts.now.replaceChildren(...rows);
      if (rows.length) this.#showNow();
    }, 150);
  }
}
