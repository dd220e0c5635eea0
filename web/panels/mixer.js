/** The mixer panel: for each other participant a fader for each speaker and one for everything else. */
import { element, icon, setIcon } from "../ui/element.js";
import { editName, editing } from "../ui/name-field.js";
import { faceColour } from "../tile/overlay.js";
import { t } from "../texts/texts.js";
import { percent } from "../texts/formats.js";

/** @import { Call } from "../call/call.js" */
/** @import { FaderFace } from "../types.js" */

const SEND_EVERY_MS = 50;
/** After the last touch the server's echo of an earlier value must not pull the slider back. */
const HELD_MS = 600;

class Fader {
  #touchedAt = -Infinity;
  #sentAt = -Infinity;
  #timer = 0;

  /**
   * @param {Call} call
   * @param {string} participant
   * @param {FaderFace} face
   */
  constructor(call, participant, face) {
    this.call = call;
    this.participant = participant;
    this.face = face;
    this.name = element("span", { class: "fader-name" });
    // The slider itself says its value: an output would say it once more, at every step.
    this.percent = element("span", { class: "fader-percent", "aria-hidden": "true" });
    this.slider = element("input", {
      type: "range",
      min: 0,
      max: 200,
      step: 5,
      "data-testid": "fader",
      "data-participant": participant,
      "data-face": face,
      title: t("Double-click for 100 %"),
    });
    const data = { "data-participant": participant, "data-face": face };
    this.solo = element("button", { type: "button", class: "quiet-button solo", ...data }, icon("ear"));
    const dot = element("span", { class: face === "rest" ? "dot hollow" : "dot" });
    this.pencil = element("button", { type: "button", class: "quiet-button pencil", title: t("Rename (F2)"), ...data }, icon("pencil"));
    const head = element("div", { class: "fader-head" }, this.name, this.pencil);
    this.row = element("div", { class: "fader" }, dot, head, this.solo, this.slider, this.percent);
    // A face is named, and heard alone, at its picture; a voice without one has only this.
    this.faceless = typeof face === "number" && face < 0;
    this.pencil.hidden = !this.faceless || !call.mayName;
    if (face !== "rest") {
      dot.style.background = faceColour(face);
      this.solo.addEventListener("click", () => call.toggleFocus(participant, face));
    } else this.solo.classList.add("gone");
    if (typeof face === "number" && this.faceless) this.#withoutFace(face);
    this.slider.addEventListener("input", () => this.#input());
    this.slider.addEventListener("dblclick", () => {
      this.slider.value = "100";
      this.#input();
    });
  }

  /** Whether its name is being typed. */
  get editing() {
    return editing(this.row);
  }

  /** @param {number} voice */
  #withoutFace(voice) {
    const { call, participant } = this;
    this.name.classList.add("pickable");
    this.name.addEventListener("click", () => call.toggleFocus(participant, voice));
    if (!call.mayName) return;
    const edit = () => editName(this.name, (name) => call.rename(participant, voice, name));
    this.pencil.addEventListener("click", edit);
    this.row.addEventListener("keydown", (event) => {
      if (event.key === "F2" && !this.editing) edit();
    });
  }

  /** @param {string} owner */
  show(owner) {
    const { call, participant, face } = this;
    const name = face === "rest" ? t("Everything else") : call.faceName(participant, face);
    this.name.textContent = name;
    this.pencil.ariaLabel = t("Rename {name}", { name });
    this.slider.ariaLabel = t("{face} of {owner}, loudness", { face: name, owner });
    if (performance.now() - this.#touchedAt > HELD_MS) {
      this.slider.value = String(Math.round(call.gain(participant, face) * 100));
    }
    this.#showValue();
    if (face === "rest") return;
    const { focus } = call.faders;
    this.solo.ariaLabel = t("Hear only {face} of {owner}", { face: name, owner });
    this.solo.title = t("Hear only {name}", { name });
    this.solo.setAttribute("aria-pressed", String(focus?.participant === participant && focus.face === face));
    const history = call.history(participant);
    const seen = [...history.newest(), ...history.voices()].find(({ id }) => id === face);
    this.row.classList.toggle("unseen", !seen);
    this.row.classList.toggle("speaking", !!seen && seen.speaking > 0.5);
  }

  #showValue() {
    this.percent.textContent = percent(Number(this.slider.value) / 100);
    this.slider.setAttribute("aria-valuetext", t("{n} percent", { n: Number(this.slider.value) }));
    this.slider.style.setProperty("--part", `${Number(this.slider.value) / 2}%`);
  }

  #input() {
    this.#touchedAt = performance.now();
    this.#showValue();
    clearTimeout(this.#timer);
    const wait = Math.max(0, this.#sentAt + SEND_EVERY_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#sentAt = performance.now();
      this.call.setGain(this.participant, this.face, Number(this.slider.value) / 100);
    }, wait);
  }
}

class Strip {
  /** @type {Map<FaderFace, Fader>} */ #faders = new Map();

  /**
   * @param {Call} call
   * @param {string} participant
   */
  constructor(call, participant) {
    this.call = call;
    this.participant = participant;
    this.heading = element("h3");
    const data = { "data-participant": participant };
    this.solo = element("button", { type: "button", class: "quiet-button solo", ...data }, icon("ear"));
    this.mute = element("button", { type: "button", class: "quiet-button strip-mute", ...data }, icon("speaker"));
    this.solo.addEventListener("click", () => call.toggleFocus(participant, null));
    this.mute.addEventListener("click", () => call.setMuted(participant, !call.faders.muted.includes(participant)));
    this.list = element("div", { class: "strip-faders" });
    this.section = element("section", { class: "strip" });
    this.section.append(element("header", {}, this.heading, this.solo, this.mute), this.list);
  }

  show() {
    const { call, participant } = this;
    const name = call.participant(participant)?.name ?? "";
    const { focus, muted } = call.faders;
    const isMuted = muted.includes(participant);
    this.heading.textContent = name;
    this.solo.ariaLabel = this.solo.title = t("Hear only {name}", { name });
    this.solo.setAttribute("aria-pressed", String(focus?.participant === participant && focus.face === null));
    this.mute.ariaLabel = this.mute.title = t("Mute {name} for me", { name });
    this.mute.setAttribute("aria-pressed", String(isMuted));
    setIcon(this.mute, isMuted ? "speaker-off" : "speaker");
    this.section.classList.toggle("muted", isMuted);
    /** @type {FaderFace[]} */
    const wanted = [...call.speakerIds(participant), "rest"];
    for (const [face, fader] of this.#faders) {
      if (wanted.includes(face) || fader.editing) continue;
      fader.row.remove();
      this.#faders.delete(face);
    }
    wanted.forEach((face, i) => {
      let fader = this.#faders.get(face);
      if (!fader) {
        fader = new Fader(call, participant, face);
        this.#faders.set(face, fader);
        // Inserted in place: moving a row would take the keyboard's focus from its slider.
        this.list.insertBefore(fader.row, this.list.children[i] ?? null);
      }
      fader.show(name);
    });
  }
}

export class MixerPanel {
  /** @type {Map<string, Strip>} */ #strips = new Map();

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} empty shown while there is nobody to mix
   * @param {Call} call
   */
  constructor(list, empty, call) {
    this.list = list;
    this.empty = empty;
    this.call = call;
  }

  update() {
    const participants = this.call.room?.participants ?? [];
    const others = participants.filter(({ id, publishing, screen_of }) => publishing && ![id, screen_of].includes(this.call.self));
    for (const [id, strip] of this.#strips) {
      if (others.some((other) => other.id === id)) continue;
      strip.section.remove();
      this.#strips.delete(id);
    }
    for (const { id } of others) {
      let strip = this.#strips.get(id);
      if (!strip) {
        strip = new Strip(this.call, id);
        this.#strips.set(id, strip);
        this.list.append(strip.section);
      }
      strip.show();
    }
    this.empty.hidden = others.length > 0;
  }
}
