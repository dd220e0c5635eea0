/** A question before what cannot be taken back. */
import { find } from "./element.js";

/**
 * @param {string} question
 * @param {string} explanation
 * @param {string} action what the button says
 * @returns {Promise<boolean>}
 */
export function confirmed(question, explanation, action) {
  const dialog = find("#confirm-dialog", HTMLDialogElement);
  const [yes, no] = [find("#confirm-yes", HTMLButtonElement), find("#confirm-no", HTMLButtonElement)];
  find("#confirm-question", HTMLElement).textContent = question;
  find("#confirm-explanation", HTMLElement).textContent = explanation;
  yes.textContent = action;
  dialog.returnValue = "";
  yes.onclick = () => dialog.close("yes");
  no.onclick = () => dialog.close();
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
