/** The page's words in its reader's language, `t("English text with {places}", { places })`; a module that says something imports it. */
import { catalogue } from "./catalogue.js";
import { pageLanguage } from "./choice.js";

/** @import { Language } from "./catalogue.js" */
/** @typedef {Record<"page" | "told" | "sounds", Record<string, string>>} Entries of a language's file */

/** Until then nothing is on the screen. */
const PATIENCE_MS = 5000;

/** @param {Language} language @returns {Promise<Entries>} */
async function fetched(language) {
  const none = { page: {}, told: {}, sounds: {} };
  if (language === "en") return none;
  try {
    const answer = await fetch(`/static/texts/${language}.json`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return answer.ok ? await answer.json() : none;
  } catch {
    return none; // English is better than nothing
  }
}

export const language = pageLanguage();

// Modules that say something wait for it: nothing is on the screen before, and nothing is written twice.
const { page, told: fromServer, sounds } = await fetched(language);

/** `told` is for reasons, notices and the names of sounds, which the server sends in English. */
export const { t, plural, parts, told } = catalogue(language, { ...page, ...fromServer, ...sounds }, Object.keys(fromServer));
