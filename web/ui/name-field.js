/** A name that turns into a text field in its place. */
import { element } from "./element.js";
import { t } from "../texts/texts.js";

/** @param {HTMLElement} label the name's parent @returns {boolean} whether a name is being typed in it */
export function editing(label) {
  return !!label.querySelector("input.name-field");
}

/**
 * Turns a name into a text field until Enter, Escape or the loss of focus.
 * @param {HTMLElement} name
 * @param {(name: string) => void} onName called with a name that differs
 */
export function editName(name, onName) {
  if (!name.isConnected) return;
  const old = name.textContent ?? "";
  const input = element("input", { class: "name-field", value: old, maxlength: 60, "aria-label": t("Name of {name}", { name: old }) });
  const back = document.activeElement;
  let open = true;
  /** @param {boolean} keep */
  const finish = (keep) => {
    if (!open) return;
    open = false;
    const typed = input.value.trim();
    input.replaceWith(name);
    if (back instanceof HTMLElement && back.isConnected) back.focus();
    if (keep && typed && typed !== old) onName(typed);
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    // While a word is being composed, Enter chooses its characters.
    if ((event.key !== "Enter" && event.key !== "Escape") || event.isComposing) return;
    // The same press of Enter would click the button that has the focus again, and open the field anew.
    event.preventDefault();
    finish(event.key === "Enter");
  });
  input.addEventListener("blur", () => finish(true));
  name.replaceWith(input);
  input.focus();
  input.select();
}
