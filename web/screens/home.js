/** The first page: what this is, and a call of one's own, or with the demo. */
import { ApiError, createRoom, startDemo } from "../call/api.js";
import { find } from "../ui/element.js";
import { rememberHostInvite } from "../call/host-invite.js";
import { t } from "../texts/texts.js";

/** Seconds of the moving picture in which one face is heard alone. */
const ALONE = { from: 2.2, until: 5.4 };

/** Shows the page and leads to the new room. */
export function showHome() {
  const section = find("#home", HTMLElement);
  const form = find("#home-form", HTMLFormElement);
  const secretField = find("#secret-field", HTMLElement);
  const secret = find("#secret", HTMLInputElement);
  const button = find("#new-call", HTMLButtonElement);
  const problem = find("#home-problem", HTMLElement);
  const demo = find("#demo-call", HTMLButtonElement);
  section.hidden = false;
  showMovie(find("#home-movie", HTMLVideoElement));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wantsDemo = event.submitter === demo;
    button.disabled = demo.disabled = true;
    problem.textContent = "";
    try {
      const made = await createRoom(secret.value);
      if (wantsDemo) await startDemo(made.room, made.host);
      rememberHostInvite(made.room, made.host);
      location.assign(made.link);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        problem.textContent = secretField.hidden
          ? t("This server asks for its secret before it makes a call.")
          : t("That is not this server's secret.");
        secretField.hidden = false;
        secret.focus();
        secret.select();
      } else problem.textContent = error instanceof ApiError ? error.message : t("The server could not be reached.");
    } finally {
      button.disabled = demo.disabled = false;
    }
  });
}

/**
 * Plays by itself, but not for whoever wants no motion: they start it.
 * @param {HTMLVideoElement} movie
 */
function showMovie(movie) {
  const said = find("#home-said", HTMLElement);
  const say = () => {
    const alone = movie.currentTime >= ALONE.from && movie.currentTime < ALONE.until;
    said.textContent = alone ? t("Only her voice") : t("Both at once");
  };
  movie.addEventListener("timeupdate", say);
  say();
  movie.muted = true;
  movie.src = "/static/home.webm";
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) movie.controls = true;
  else movie.play().catch(() => (movie.controls = true));
}
