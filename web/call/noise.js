/** The switch for taking noise out of one's own sound, for everybody who hears it. */
import { find } from "../ui/element.js";

/** @import { Connection } from "./connection.js" */
/** @import { LocalMedia } from "./media.js" */

export class Noise {
  #box = find("#suppress-noise", HTMLInputElement);

  /**
   * @param {Connection} connection
   * @param {LocalMedia} media
   */
  constructor(connection, media) {
    this.connection = connection;
    this.media = media;
    this.#box.addEventListener("change", () => {
      void media.suppress(this.#box.checked);
      this.welcomed();
    });
  }

  /** The server does not know what is chosen. */
  welcomed() {
    const { suppressed, separates } = this.media;
    this.#box.checked = suppressed;
    this.connection.send({ type: "suppression", on: suppressed && separates });
  }
}
