/** Has the server read descriptions of what is seen aloud to this listener, as long as the setting says so. */

/** @import { Call } from "../call/call.js" */
/** @import { ViewSettings } from "../ui/view-settings.js" */

export class SceneReader {
  #asked = false;

  /**
   * @param {Call} call
   * @param {ViewSettings} settings
   */
  constructor(call, settings) {
    this.call = call;
    this.settings = settings;
    settings.addEventListener("change", () => this.#ask());
  }

  /** The server has forgotten what it was asked: a new connection. */
  askAgain() {
    this.#asked = false;
    this.#ask();
  }

  #ask() {
    const wanted = this.settings.now.readScenes;
    if (wanted === this.#asked) return;
    this.#asked = wanted;
    this.call.connection.send({ type: "announcer", on: wanted });
  }
}
