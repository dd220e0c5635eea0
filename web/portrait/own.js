/** Brings one's own portrait in the call in line with what one wishes, also after a cut. */
import { ApiError, sendPhoto } from "../call/api.js";
import { element } from "../ui/element.js";
import { toast } from "../ui/toasts.js";
import { t } from "../texts/texts.js";
import { PortraitChooser } from "./chooser.js";

/** @import { Call } from "../call/call.js" */
/** @import { LocalMedia } from "../call/media.js" */
/** @import { PortraitWish } from "./wish.js" */

export class OwnPortrait {
  /** @type {HTMLDialogElement | null} */ #dialog = null;

  /**
   * @param {Call} call
   * @param {PortraitWish} wish
   * @param {LocalMedia} media
   */
  constructor(call, wish, media) {
    this.call = call;
    this.wish = wish;
    this.media = media;
    wish.addEventListener("change", () => void this.#ask());
  }

  /** The server knows nothing of the wish yet, or does after a cut. */
  welcomed() {
    const made = this.call.participant(this.call.self)?.portrait?.made ?? "none";
    if (made !== this.wish.made) void this.#ask();
  }

  /** Lets one choose. */
  open() {
    this.#dialog?.remove();
    const close = element("button", { type: "button", class: "button primary" }, t("Done"));
    const dialog = element("dialog", { class: "card", "aria-label": t("While my camera is off") }, new PortraitChooser(this.wish, this.media).root, close);
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    this.#dialog = dialog;
  }

  async #ask() {
    const { connection } = this.call;
    const { made, photo } = this.wish;
    if (made === "photo" && photo && connection.joined) {
      try {
        await sendPhoto(connection.who.room, photo, connection.joined.token);
      } catch (error) {
        if (this.wish.photo !== photo) return;
        toast(error instanceof ApiError ? error.message : t("The photo could not be sent."), "error");
        this.wish.choose("none");
      }
      return;
    }
    connection.send({ type: "portrait", voice: made === "voice" });
    if (made === "voice") toast(t("Say something, for about ten seconds: a face is drawn for your voice."));
  }
}
