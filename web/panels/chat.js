/** What is written in the call: everyone's lines, a field for one's own, and a mark for what was not read. */
import { element, find } from "../ui/element.js";
import { linked } from "../ui/links.js";
import { toast } from "../ui/toasts.js";
import { t } from "../texts/texts.js";
import { clock } from "../texts/formats.js";

/** @import { Call } from "../call/call.js" */
/** @import { ChatHistory, ChatLine } from "../types.js" */

const MOST_LINES = 300;
/** Whoever scrolled up by more than this reads, and is left in peace. */
const NEAR_END_PX = 40;
const PREVIEW = 80;
const PREVIEW_EVERY_MS = 4000;

export class ChatPanel {
  #log = find("#chat-log", HTMLElement);
  #empty = find("#chat-empty", HTMLElement);
  #form = find("#chat-form", HTMLFormElement);
  #text = find("#chat-text", HTMLTextAreaElement);
  #tab = find("#tab-chat", HTMLElement);
  #button = find("#words-button", HTMLButtonElement);
  #count = find("#words-count", HTMLElement);
  /** @type {{ participant: string, name: HTMLElement, row: HTMLElement }[]} */ #lines = [];
  #unread = 0;
  #previewed = -PREVIEW_EVERY_MS;
  #dismiss = () => {};

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
    const writes = call.mayName;
    this.#form.hidden = !writes;
    find("#chat-watching", HTMLElement).hidden = writes;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#text.addEventListener("keydown", (event) => {
      // While a word is being composed, Enter chooses its characters.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    // The panel or the tab was opened.
    new ResizeObserver(() => this.#read()).observe(this.#log);
  }

  focus() {
    if (this.#form.hidden) this.#log.focus();
    else this.#text.focus();
  }

  /** @param {ChatLine | ChatHistory} message */
  receive(message) {
    if (message.type === "chat_history") {
      for (const { row } of this.#lines.splice(0)) row.remove();
      for (const line of message.lines) this.#write(line);
      this.#toEnd();
      return;
    }
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    const following = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    const own = message.participant === this.call.self;
    this.#write(message);
    if (following || own) this.#toEnd();
    if (own || this.#open) return;
    this.#showUnread(this.#unread + 1);
    this.#preview(message);
  }

  /** Names given later stand on earlier lines too. */
  roomChanged() {
    for (const { participant, name } of this.#lines) {
      const now = this.call.participant(participant)?.name;
      if (now) name.textContent = now;
    }
  }

  get #open() {
    return this.#log.checkVisibility();
  }

  #read() {
    if (!this.#open) return;
    this.#dismiss();
    if (this.#unread) this.#toEnd();
    this.#showUnread(0);
  }

  #send() {
    const text = this.#text.value.trim();
    if (!text) return;
    this.call.talk.say(text);
    this.#text.value = "";
    this.#text.focus();
  }

  /** @param {ChatLine} line */
  #write({ participant, name: then, t, text }) {
    const name = element("b", { class: "said-name", dir: "auto" }, this.call.participant(participant)?.name ?? then);
    const time = element("time", { class: "said-time", datetime: new Date(t * 1000).toISOString() }, clock(t));
    const own = participant === this.call.self;
    const row = element("div", { class: `chat-line${own ? " own" : ""}`, "data-testid": "chat-line" }, name, " ", time, element("p", { dir: "auto" }, ...linked(text)));
    this.#log.append(row);
    this.#lines.push({ participant, name, row });
    while (this.#lines.length > MOST_LINES) this.#lines.shift()?.row.remove();
    this.#empty.hidden = true;
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** @param {number} unread */
  #showUnread(unread) {
    this.#unread = unread;
    this.#count.hidden = !unread;
    this.#count.textContent = unread > 99 ? "99+" : String(unread);
    this.#button.ariaLabel = unread ? t("Words: {n} unread in the chat", { n: unread }) : null;
    this.#tab.classList.toggle("unread", unread > 0);
  }

  /** @param {ChatLine} line those who write much show the first of it */
  #preview({ name, text }) {
    const now = performance.now();
    if (now - this.#previewed < PREVIEW_EVERY_MS) return;
    this.#previewed = now;
    const one = text.replace(/\s+/g, " ");
    this.#dismiss = toast(`${name}: ${one.length > PREVIEW ? `${one.slice(0, PREVIEW)}…` : one}`);
  }
}
