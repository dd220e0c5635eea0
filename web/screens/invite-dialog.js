/** The links that let others in: to take part, and only to watch. */
import { find } from "../ui/element.js";
import { toast } from "../ui/toasts.js";
import { watchInvite } from "./watch-invite.js";
import { t } from "../texts/texts.js";

/** @import { Call } from "../call/call.js" */

export class InviteDialog {
  #dialog = find("#invite-dialog", HTMLDialogElement);
  #own = find("#invite-own", HTMLElement);
  #watch = find("#invite-watch", HTMLElement);

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
    find("[data-close]", HTMLButtonElement, this.#dialog).addEventListener("click", () => this.#dialog.close());
    for (const part of [this.#own, this.#watch]) {
      const field = find("input", HTMLInputElement, part);
      find("button", HTMLButtonElement, part).addEventListener("click", () => void this.#copy(field));
    }
  }

  open() {
    const { who, joined } = this.call.connection;
    const { links, allowed, linkReplaced } = this.call.hosting;
    find("#invite-replaced", HTMLElement).hidden = !linkReplaced;
    if (linkReplaced || (allowed && links)) {
      this.#own.hidden = linkReplaced;
      // Never the host's own: it would make hosts of all who get it.
      this.#show(this.#own, linkReplaced ? "" : (links?.invite ?? ""));
      this.#showWatch(linkReplaced ? "" : (links?.watch_invite ?? ""));
      this.#dialog.showModal();
      return;
    }
    // Who wanted to take part and was let in to watch has a watch-only link.
    const watchOnly = joined?.role === "watch" && who.role !== "watch";
    this.#own.hidden = watchOnly;
    this.#show(this.#own, watchOnly ? "" : who.invite);
    this.#showWatch(watchOnly ? who.invite : "");
    this.#dialog.showModal();
    if (!watchOnly) void watchInvite(who.room).then((invite) => this.#showWatch(invite));
  }

  /** @param {string} invite "" hides the entry */
  #showWatch(invite) {
    this.#watch.hidden = !invite;
    this.#show(this.#watch, invite);
  }

  /**
   * @param {HTMLElement} part
   * @param {string} invite
   */
  #show(part, invite) {
    const { room } = this.call.connection.who;
    find("input", HTMLInputElement, part).value = invite && `${location.origin}/r/${encodeURIComponent(room)}#${invite}`;
  }

  /** @param {HTMLInputElement} field */
  async #copy(field) {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      this.#dialog.close();
      toast(t("The link is copied."));
    } catch {
      // No clipboard on plain http pages or without permission; the link is selected.
      toast(t("The browser did not allow copying. The link is selected: copy it with the keyboard or the menu."), "error");
    }
  }
}
