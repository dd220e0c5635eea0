/** The choices of the page's language; another one opens the page anew. */
import { chooseLanguage, chosenLanguage } from "../texts/choice.js";
import { confirmed } from "../ui/confirm.js";
import { find } from "../ui/element.js";
import { t } from "../texts/texts.js";

export function bindLanguageChoices() {
  for (const select of document.querySelectorAll("[data-language-choice]")) {
    if (!(select instanceof HTMLSelectElement)) continue;
    select.value = chosenLanguage() ?? "";
    select.addEventListener("change", () => void change(select.value));
  }
}

/** @param {string} language */
async function change(language) {
  chooseLanguage(language);
  const address = new URL(location.href);
  address.searchParams.delete("lang");
  history.replaceState(history.state, "", address);
  // Whoever is in a call has to join it anew.
  const calling = !find("#call", HTMLElement).hidden;
  const how = t("The page is opened again, and you join the call again. Otherwise the language changes the next time.");
  if (!calling || (await confirmed(t("Change the language now?"), how, t("Change now")))) location.reload();
}
