/** Which language a reader wants: by the address for this tab, by their choice for this browser, or by the browser's own. */
import { firstOf, languageOf } from "./catalogue.js";

/** @import { Language } from "./catalogue.js" */

const KEY = "earshot.language";

/** @param {() => string | null} read */
function kept(read) {
  try {
    return languageOf(read());
  } catch {
    return null; // storage may be forbidden
  }
}

/** @returns {Language | null} what was chosen for this tab or else this browser; null = as the browser has it */
export function chosenLanguage() {
  return kept(() => sessionStorage.getItem(KEY)) ?? kept(() => localStorage.getItem(KEY));
}

/** @param {string} language "" = as the browser has it; holds from the next page on */
export function chooseLanguage(language) {
  try {
    sessionStorage.removeItem(KEY);
    if (languageOf(language)) localStorage.setItem(KEY, language);
    else localStorage.removeItem(KEY);
  } catch {
    // then it cannot be kept
  }
}

/** @returns {Language} of this page */
export function pageLanguage() {
  const asked = languageOf(new URLSearchParams(location.search).get("lang"));
  try {
    // The pages that this one leads to are of the same tab, and do not have it in their address.
    if (asked) sessionStorage.setItem(KEY, asked);
  } catch {
    // then it holds for this page
  }
  return asked ?? chosenLanguage() ?? firstOf(navigator.languages);
}
