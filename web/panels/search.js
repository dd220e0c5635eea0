/** The search box: moments of the call, found by what was seen or said. */
import { element, find } from "../ui/element.js";
import { Requests } from "../call/requests.js";
import { parts, plural, t, told } from "../texts/texts.js";
import { clock, number } from "../texts/formats.js";

/** @import { Call } from "../call/call.js" */
/** @import { FoundMoment, FoundMoments } from "../types.js" */

/**
 * @param {number} then Unix seconds
 * @returns {string} how long ago, roughly
 */
function ago(then) {
  const seconds = Math.max(0, Date.now() / 1000 - then);
  if (seconds < 60) return t("just now");
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? t("{n} min ago", { n: minutes }) : t("{n} h ago", { n: Math.round(minutes / 60) });
}

/**
 * @param {FoundMoment["kind"]} kind
 * @param {HTMLElement} who
 */
function source(kind, who) {
  if (kind === "words") return parts("said by {who}", { who });
  return kind === "chat" ? parts("written by {who}", { who }) : parts("seen by the camera of {who}", { who });
}

/** Whoever names several faces one after the other has the search made anew once. */
const RENAMED_MS = 1500;

export class SearchBox {
  #form = find("#search-form", HTMLFormElement);
  #query = find("#search-query", HTMLInputElement);
  #said = find("#search-said", HTMLElement);
  #list = find("#search-moments", HTMLElement);
  #newest = 0;
  /** What was found, for the names that it was found with. */ #found = "";
  /** @type {Map<string, string>} */ #names = new Map();
  #timer = 0;
  #requests = new Requests((id) => id === this.#newest && this.#tell(t("No answer came. The server may be busy; please search again.")));

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search();
    });
  }

  /** Names given later stand on what was found, too: the server, which knows whose they are, is asked again. */
  roomChanged() {
    const before = this.#names;
    this.#names = new Map(this.call.room?.participants.map(({ id, name, faces }) => [id, JSON.stringify([name, faces])]));
    const renamed = [...this.#names].some(([id, names]) => names !== (before.get(id) ?? names));
    if (!this.#found || !renamed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#found && this.#ask(this.#found), RENAMED_MS);
  }

  focus() {
    this.#query.focus();
  }

  /** @param {FoundMoments} message */
  found({ id, query, moments }) {
    // Whoever typed on has no use for the answer to the earlier words.
    if (!this.#requests.end(id) || id !== this.#newest) return;
    this.#list.replaceChildren(...moments.map((moment) => this.#row(moment)));
    this.#found = moments.length ? query : "";
    if (!moments.length) this.#tell(t("Nothing in this call matches “{query}”. Only what was seen and said while the call runs is searched.", { query }));
    else this.#tell(plural(moments.length, "{n} moment for “{query}”, best first", "{n} moments for “{query}”, best first", { query }));
  }

  /**
   * The server has no answer.
   * @param {number} request
   * @param {string} reason
   * @returns {boolean} whether that was searched for here
   */
  refused(request, reason) {
    if (!this.#requests.end(request)) return false;
    if (request === this.#newest) this.#tell(reason);
    return true;
  }

  #search() {
    const query = this.#query.value.trim();
    if (!query) return void this.#query.focus();
    this.#list.replaceChildren();
    this.#found = "";
    this.#tell(t("Searching…"));
    this.#ask(query);
  }

  /** @param {string} query */
  #ask(query) {
    this.#newest = this.#requests.begin();
    this.call.connection.send({ type: "search", id: this.#newest, query });
  }

  /** @param {string} text */
  #tell(text) {
    this.#said.textContent = text;
  }

  /** @param {FoundMoment} moment */
  #row({ participant, t: then, kind, text, speaker, score, thumbnail }) {
    const owner = this.call.speaker(participant, null);
    // A face without a name is called after its owner already.
    const said = told(speaker ?? "");
    const who = said && !said.includes(owner) ? `${said} (${owner})` : said || owner;
    const picture =
      thumbnail && /^data:image\/(jpeg|png|webp);base64,/.test(thumbnail)
        ? element("img", { class: "moment-picture", src: thumbnail, alt: kind === "picture" ? t("Picture of {owner} at {time}", { owner, time: clock(then) }) : "" })
        : element("span", { class: "moment-picture", "aria-hidden": "true" }, kind === "picture" ? "" : "“ ”");
    const time = element("time", { datetime: new Date(then * 1000).toISOString(), title: clock(then) }, `${clock(then)}, ${ago(then)}`);
    const words = text ? [element("p", { class: "moment-text", dir: "auto" }, kind === "picture" ? text : `“${text}”`)] : [];
    const match = element("span", { class: "moment-score" }, t("match {score}", { score: number(score, 2) }));
    const from = element("p", { class: "quiet" }, ...source(kind, element("b", { dir: "auto" }, who)));
    const facts = element("p", { class: "quiet moment-facts" }, time, " ", match);
    return element("li", { class: "moment", "data-testid": "moment" }, picture, element("div", {}, ...words, from, facts));
  }
}
