/** What is heard besides speech: chips on a picture, and one polite word for those who do not see them. */
import { element } from "../ui/element.js";
import { t, told } from "../texts/texts.js";
import { list, percent } from "../texts/formats.js";

/** @import { SoundTags } from "../types.js" */

/** The server tells once a second while there is something. */
const GONE_MS = 3000;
/** A dog that barks on is told once; after this long a silence it is news again. */
const NEWS_AFTER_MS = 8000;
const ANNOUNCED_MS = 8000;
const MOST_CHIPS = 3;
/** Faces and captions tell of it. */
const SPEECH = new Set(["speech"]);

/** @param {SoundTags["tags"]} tags @returns {SoundTags["tags"]} */
function besidesSpeech(tags) {
  return tags.filter(([name]) => !SPEECH.has(name));
}

/** The chips of one tile. */
export class TagChips {
  #until = -Infinity;

  constructor() {
    this.root = element("ul", { class: "tags", "data-testid": "tags", "aria-label": t("Sounds") });
    this.root.hidden = true;
  }

  /**
   * @param {SoundTags["tags"]} tags
   * @param {number} now milliseconds
   */
  push(tags, now) {
    this.#until = now + GONE_MS;
    const chips = besidesSpeech(tags)
      .slice(0, MOST_CHIPS)
      .map(([name, probability]) => {
        const chip = element("li", { class: "tag", title: t("{percent} sure", { percent: percent(probability) }) }, told(name));
        chip.style.setProperty("--sure", String(probability));
        return chip;
      });
    this.root.replaceChildren(...chips);
  }

  /**
   * @param {boolean} wanted
   * @param {number} now milliseconds
   */
  show(wanted, now) {
    this.root.hidden = !wanted || now > this.#until || !this.root.children.length;
  }
}

/** Says which tags are new. */
export class TagNews {
  /** @type {Map<string, Map<string, number>>} participant, tag, when last heard */
  #heard = new Map();

  /** @param {HTMLElement} region aria-live="polite" */
  constructor(region) {
    this.region = region;
  }

  /**
   * @param {SoundTags} message
   * @param {number} now milliseconds
   * @returns {string[]} the tags that were not there a while ago
   */
  fresh({ participant, tags }, now) {
    let heard = this.#heard.get(participant);
    if (!heard) this.#heard.set(participant, (heard = new Map()));
    const fresh = [];
    for (const [name] of besidesSpeech(tags)) {
      if (now - (heard.get(name) ?? -Infinity) > NEWS_AFTER_MS) fresh.push(name);
      heard.set(name, now);
    }
    for (const [name, at] of heard) if (now - at > NEWS_AFTER_MS) heard.delete(name);
    return fresh;
  }

  /**
   * @param {string} owner
   * @param {string[]} names
   */
  announce(owner, names) {
    const said = element("p", {}, `${owner}: ${list(names.map(told))}`);
    this.region.append(said);
    setTimeout(() => said.remove(), ANNOUNCED_MS);
  }

  /** @param {string[]} present ids of the participants in the room */
  keep(present) {
    for (const id of this.#heard.keys()) if (!present.includes(id)) this.#heard.delete(id);
  }
}
