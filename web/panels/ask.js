/** The question box: ask about what a camera sees, get three answers with their probabilities, or "I don't know". */
import { element, find } from "../ui/element.js";
import { Requests } from "../call/requests.js";
import { toast } from "../ui/toasts.js";
import { t } from "../texts/texts.js";
import { percent } from "../texts/formats.js";

/** @import { Call } from "../call/call.js" */
/** @import { Answer } from "../types.js" */

const KEPT = 10;
const ALOUD_MS = 12_000;

/**
 * @param {[text: string, probability: number][]} answers
 * @returns {HTMLElement}
 */
function bars(answers) {
  const rows = answers.map(([text, probability]) => {
    const bar = element("span", { class: "answer-bar", "aria-hidden": "true" });
    bar.style.setProperty("--part", `${Math.round(probability * 100)}%`);
    return element("li", {}, element("span", { class: "answer-text", lang: "en", dir: "auto" }, text), element("span", { class: "answer-percent" }, percent(probability)), bar);
  });
  return element("ol", { class: "answers" }, ...rows);
}

export class AskBox {
  #form = find("#ask-form", HTMLFormElement);
  #who = find("#ask-participant", HTMLSelectElement);
  #question = find("#ask-question", HTMLInputElement);
  #answers = find("#ask-answers", HTMLElement);
  /** @type {Map<number, HTMLElement>} */ #waiting = new Map();
  #requests = new Requests((id) => this.#fail(id, t("No answer came. The server may be busy; please ask again.")));
  #aloud = 0;

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask();
    });
  }

  /** Whom one can ask about: all with a camera, oneself last. */
  roomChanged() {
    const { self, room } = this.call;
    const seen = (room?.participants ?? []).filter(({ publishing, video }) => publishing && video);
    const sorted = [...seen.filter(({ id }) => id !== self), ...seen.filter(({ id }) => id === self)];
    for (const name of this.#answers.querySelectorAll("[data-named]")) {
      const now = this.call.participant(name.getAttribute("data-named") ?? "")?.name;
      if (now) name.textContent = now;
    }
    const before = this.#who.value;
    this.#who.replaceChildren(
      ...sorted.map(({ id, name }) => element("option", { value: id }, id === self ? t("{name} (you)", { name }) : name)),
      ...(sorted.length ? [] : [element("option", { value: "" }, t("No camera is on"))]),
    );
    if (sorted.some(({ id }) => id === before)) this.#who.value = before;
    this.#who.disabled = !sorted.length;
  }

  focus() {
    this.#question.focus();
  }

  /** @param {Answer} message */
  answered({ id, participant, question, answers, known }) {
    const told = known
      ? [bars(answers)]
      : [
          element("p", { class: "answer-unknown" }, t("I don't know.")),
          element("details", {}, element("summary", {}, t("What it would have guessed")), bars(answers)),
        ];
    // A question that was spoken aloud has not been asked here.
    const place = id ?? (this.#aloud -= 1);
    if (!this.#requests.end(place)) this.#begin(place, participant, question);
    this.#put(place, ...told);
    // Whoever asked aloud need not have this panel open.
    if (id === null && !this.#form.checkVisibility()) {
      const [best] = answers;
      const answer = known && best ? t("{answer} ({percent} sure)", { answer: best[0], percent: percent(best[1]) }) : t("I don't know.");
      toast(`“${question}” ${answer}`, "info", ALOUD_MS);
    }
  }

  /**
   * The server has no answer.
   * @param {number} request
   * @param {string} reason
   * @returns {boolean} whether that was asked here
   */
  refused(request, reason) {
    if (!this.#requests.end(request)) return false;
    this.#fail(request, reason);
    return true;
  }

  /**
   * @param {number} id
   * @param {string} reason
   */
  #fail(id, reason) {
    this.#put(id, element("p", { class: "problem" }, reason));
  }

  #ask() {
    const question = this.#question.value.trim();
    const participant = this.#who.value;
    if (!question || !participant) return void this.#question.focus();
    const id = this.#requests.begin();
    this.#begin(id, participant, question, element("p", { class: "quiet" }, t("Looking…")));
    this.call.connection.send({ type: "ask", id, participant, question });
    this.#question.select();
  }

  /**
   * @param {number} id
   * @param {string} participant
   * @param {string} question
   * @param {...HTMLElement} content
   */
  #begin(id, participant, question, ...content) {
    const told = element("div", { class: "answer" }, ...content);
    const asked = element("p", { class: "asked" }, element("bdi", {}, question), " ", element("span", { class: "quiet", "data-named": participant }, this.call.speaker(participant, null)));
    this.#answers.prepend(element("article", { "data-testid": "answer" }, asked, told));
    while (this.#answers.children.length > KEPT) this.#answers.lastElementChild?.remove();
    this.#waiting.set(id, told);
  }

  /**
   * @param {number} id
   * @param {...HTMLElement} content
   */
  #put(id, ...content) {
    this.#waiting.get(id)?.replaceChildren(...content);
    this.#waiting.delete(id);
  }
}
