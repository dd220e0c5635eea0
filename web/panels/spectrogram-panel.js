/** The strip under the tiles that shows one sound as a picture; the server sends it only while it is looked at. */
import { element, find } from "../ui/element.js";
import { Spectrogram } from "./spectrogram.js";
import { t } from "../texts/texts.js";

/** @import { Call } from "../call/call.js" */
/** @import { SpectrogramColumns } from "../types.js" */

const HEARD = "heard";
const SMOOTH_EVERY_MS = 32;

/** @typedef {{ participant: string, face: number | null }} Source */

export class SpectrogramPanel {
  #panel = find("#spectrogram", HTMLElement);
  #canvas = find("#spectrogram-canvas", HTMLCanvasElement);
  #choice = find("#spectrogram-source", HTMLSelectElement);
  #waiting = find("#spectrogram-waiting", HTMLElement);
  #picture = new Spectrogram(this.#canvas);
  #still = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {Source | null} */ #asked = null;
  #frame = 0;
  #drewAt = 0;
  #fresh = false;

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
    this.#choice.addEventListener("change", () => this.#ask());
    document.addEventListener("visibilitychange", () => this.#ask());
  }

  get open() {
    return !this.#panel.hidden;
  }

  /** @param {boolean} open */
  toggle(open) {
    this.#panel.hidden = !open;
    if (open) this.update();
    else this.#ask();
  }

  /** Participants, faces or the focus differ. */
  update() {
    if (!this.open) return;
    const { self, room } = this.call;
    const publishing = (room?.participants ?? []).filter((participant) => participant.publishing);
    const before = this.#choice.value || HEARD;
    const groups = publishing.map(({ id, name }) => {
      const whole = element("option", { value: JSON.stringify([id, null]) }, t("{name}: everything", { name }));
      const faces = this.call.speakerIds(id).map((face) => element("option", { value: JSON.stringify([id, face]) }, `${name}: ${this.call.faceName(id, face)}`));
      return element("optgroup", { label: id === self ? t("{name} (you)", { name }) : name }, whole, ...faces);
    });
    const made = element("select", {}, element("option", { value: HEARD }, t("What I listen to")), ...groups);
    // Options that are the same stay: replacing them would close a list that is open.
    if (made.innerHTML !== this.#choice.innerHTML) {
      this.#choice.replaceChildren(...made.children);
      this.#choice.value = before;
      if (!this.#choice.value) this.#choice.value = HEARD;
    }
    this.#ask();
  }

  /** The server has forgotten what it was asked: a new connection. */
  askAgain() {
    this.#asked = null;
    this.#ask();
  }

  /** @param {SpectrogramColumns} message */
  push(message) {
    const { participant, face } = this.#asked ?? {};
    if (!this.#asked || message.participant !== participant || message.face !== face) return;
    this.#picture.push(message, performance.now());
    this.#waiting.hidden = true;
    this.#fresh = true;
    this.#frame ||= requestAnimationFrame((now) => this.#draw(now));
  }

  /** @returns {Source | null} */
  #wanted() {
    if (!this.open || document.hidden) return null;
    if (this.#choice.value && this.#choice.value !== HEARD) {
      const [participant, face] = JSON.parse(this.#choice.value);
      return { participant, face };
    }
    const { self, room, faders } = this.call;
    if (faders.focus) return faders.focus;
    const publishing = (room?.participants ?? []).filter((participant) => participant.publishing);
    const first = publishing.find(({ id }) => id !== self) ?? publishing[0];
    return first ? { participant: first.id, face: null } : null;
  }

  #ask() {
    const wanted = this.#wanted();
    if (wanted?.participant === this.#asked?.participant && wanted?.face === this.#asked?.face) return;
    this.#asked = wanted && { participant: wanted.participant, face: wanted.face };
    this.call.connection.send({ type: "spectrogram", participant: wanted?.participant ?? null, face: wanted?.face ?? null });
    this.#picture.clear();
    this.#picture.draw(performance.now(), false);
    this.#waiting.hidden = false;
    const who = wanted ? this.call.speaker(wanted.participant, wanted.face) : t("nobody");
    this.#waiting.textContent = wanted ? t("Waiting for the sound of {who}…", { who }) : t("Nobody sends sound just now.");
    this.#canvas.ariaLabel = t("Spectrogram of {who}: the last ten seconds, time to the right, pitch upwards, loud is bright", { who });
  }

  /** @param {number} now */
  #draw(now) {
    this.#frame = 0;
    if (!this.#asked) return;
    const smooth = !this.#still.matches;
    if (this.#fresh || now - this.#drewAt >= SMOOTH_EVERY_MS) {
      this.#picture.draw(performance.now(), smooth);
      this.#fresh = false;
      this.#drewAt = now;
    }
    if (smooth && !this.#picture.settled(performance.now())) this.#frame = requestAnimationFrame((next) => this.#draw(next));
  }
}
