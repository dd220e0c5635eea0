/** The first page: make a call. */
import { ApiError, createRoom } from "../call/api.js";
import { find } from "../ui/element.js";
import { rememberHostInvite } from "../call/host-invite.js";

/** Shows the page and leads to the new room. */
export function showHome() {
  const section = find("#home", HTMLElement);
  const form = find("#home-form", HTMLFormElement);
  const secretField = find("#secret-field", HTMLElement);
  const secret = find("#secret", HTMLInputElement);
  const button = find("#new-call", HTMLButtonElement);
  const problem = find("#home-problem", HTMLElement);
  section.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    problem.textContent = "";
    try {
      const made = await createRoom(secret.value);
      rememberHostInvite(made.room, made.host);
      location.assign(made.link);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        problem.textContent = secretField.hidden
          ? "This server asks for its secret before it makes a call."
          : "That is not this server's secret.";
        secretField.hidden = false;
        secret.focus();
        secret.select();
      } else problem.textContent = error instanceof ApiError ? error.message : "The server could not be reached.";
    } finally {
      button.disabled = false;
    }
  });
}
