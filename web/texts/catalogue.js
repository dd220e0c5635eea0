/** The words of one language, asked for in English: English stands in the code, other languages in a file each. */

/** What there is; English is what the code says. */
export const LANGUAGES = /** @type {const} */ (["en", "ko"]);

/** @typedef {typeof LANGUAGES[number]} Language */
/** @typedef {Record<string, string | number>} Values for the places in braces */

/**
 * @param {string | null | undefined} tag of a language, as browsers have it
 * @returns {Language | null} null when it is none of ours
 */
export function languageOf(tag) {
  const [primary] = (tag ?? "").toLowerCase().split("-");
  return LANGUAGES.find((language) => language === primary) ?? null;
}

/**
 * @param {readonly string[]} wanted tags, the dearest first
 * @returns {Language}
 */
export function firstOf(wanted) {
  return wanted.map(languageOf).find((language) => language !== null) ?? "en";
}

const PLACE = /\{(\w+)\}/;

/**
 * @param {string} text
 * @returns {RegExp} that finds what stands in its places
 */
function pattern(text) {
  const parts = text.split(PLACE).map((part, i) => (i % 2 ? `(?<${part}>.+?)` : part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")));
  return new RegExp(`^${parts.join("")}$`, "s");
}

/**
 * @param {Language} language
 * @param {Record<string, string>} entries English text, text
 * @param {string[]} [patterns] those of them that come from elsewhere with their places filled
 */
export function catalogue(language, entries, patterns = []) {
  const known = patterns.filter((text) => PLACE.test(text)).map((text) => ({ text, found: pattern(text) }));
  const rules = new Intl.PluralRules(language);
  const numbers = new Intl.NumberFormat(language);

  /** @param {string} text @returns {string} without its places filled */
  const text = (text) => (Object.hasOwn(entries, text) ? (entries[text] ?? text) : text);

  /** @param {string} template @param {Values} values */
  const fill = (template, values) =>
    template.replace(new RegExp(PLACE, "g"), (place, name) => {
      const value = values[name];
      return typeof value === "number" ? numbers.format(value) : (value ?? place);
    });

  /**
   * @param {string} english with places in braces
   * @param {Values} [values]
   * @returns {string}
   */
  const t = (english, values = {}) => fill(text(english), values);

  /**
   * @param {number} n
   * @param {string} one English for one
   * @param {string} other English for any other number, by which translations are found; {n} is the number
   * @param {Values} [values]
   * @returns {string}
   */
  const plural = (n, one, other, values = {}) => t(language === "en" && rules.select(n) === "one" ? one : other, { n, ...values });

  /**
   * A text with elements in its places.
   * @param {string} english
   * @param {Record<string, Node | string>} values
   * @returns {(Node | string)[]}
   */
  const parts = (english, values) =>
    text(english)
      .split(PLACE)
      .map((part, i) => (i % 2 ? (values[part] ?? part) : part))
      .filter((part) => part !== "");

  /**
   * What came in English from elsewhere, its places filled already.
   * @param {string} english
   * @returns {string} as it is, when it is not known
   */
  const told = (english) => {
    if (language === "en" || Object.hasOwn(entries, english)) return text(english);
    for (const { text: key, found } of known) {
      const groups = found.exec(english)?.groups;
      if (groups) return t(key, Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, told(value)])));
    }
    return english;
  };

  return { t, plural, parts, told };
}
