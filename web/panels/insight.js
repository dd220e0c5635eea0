/** What the models make of sound and picture: brings each message to where it is shown, and the keys to what they switch. */
import { AskBox } from "./ask.js";
import { ChatPanel } from "./chat.js";
import { downloadTranscript, keep, summaryOf } from "./downloads.js";
import { find } from "../ui/element.js";
import { SceneReader } from "./scene-reader.js";
import { SearchBox } from "./search.js";
import { SpectrogramPanel } from "./spectrogram-panel.js";
import { Tabs } from "./tabs.js";
import { TagNews } from "../tile/tags.js";
import { BRIEF_MS, toast } from "../ui/toasts.js";
import { Transcript } from "./transcript.js";
import { bindViewControls } from "./view-controls.js";
import { t } from "../texts/texts.js";
import { reasonOf } from "../call/api.js";

/** @import { Call } from "../call/call.js" */
/** @import { Format } from "./downloads.js" */
/** @import { Tiles } from "../tile/tiles.js" */
/** @import { CaptionLine, InsightMessage, SoundTags } from "../types.js" */
/** @import { ViewSettings } from "../ui/view-settings.js" */

const OLD_S = 15;

/** @type {Record<string, string>} key, tab of the panel */
const TAB_KEYS = { t: "words-transcript", w: "words-chat", a: "words-ask", "/": "words-search", "?": "words-view" };

export class Insight {
  #news = new TagNews(find("#sounds-said", HTMLElement));
  /** @type {Map<string, number>} seconds by which each participant's clock is behind this page's */ #behind = new Map();
  #spectrogramBox = find("#view-spectrogram", HTMLInputElement);

  /**
   * @param {Call} call
   * @param {Tiles} tiles
   * @param {ViewSettings} settings
   */
  constructor(call, tiles, settings) {
    this.call = call;
    this.tiles = tiles;
    this.settings = settings;
    this.transcript = new Transcript(
      {
        log: find("#transcript-log", HTMLElement),
        now: find("#transcript-now", HTMLElement),
        empty: find("#transcript-empty", HTMLElement),
        newer: find("#transcript-newer", HTMLButtonElement),
      },
      call,
      settings,
    );
    this.chat = new ChatPanel(call);
    this.ask = new AskBox(call);
    this.search = new SearchBox(call);
    this.spectrogram = new SpectrogramPanel(call);
    this.tabs = new Tabs(find("#words-tabs", HTMLElement));
    this.tabs.show("words-transcript");
    this.reader = new SceneReader(call, settings);
    bindViewControls(settings);
    this.#spectrogramBox.addEventListener("change", () => this.#showSpectrogram(this.#spectrogramBox.checked));
    find("#spectrogram-close", HTMLButtonElement).addEventListener("click", () => {
      this.#showSpectrogram(false);
      find("#words-button", HTMLButtonElement).focus();
    });
    for (const button of document.querySelectorAll("[data-download]")) {
      button.addEventListener("click", () => void this.#download(button));
    }
  }

  /** A new connection: the server knows nothing yet of what this page wants to be told. */
  welcomed() {
    this.spectrogram.askAgain();
    this.reader.askAgain();
  }

  roomChanged() {
    const present = this.call.room?.participants.map(({ id }) => id) ?? [];
    this.#news.keep(present);
    for (const id of this.#behind.keys()) if (!present.includes(id)) this.#behind.delete(id);
    this.transcript.roomChanged();
    this.chat.roomChanged();
    this.ask.roomChanged();
    this.search.roomChanged();
    this.spectrogram.update();
  }

  /** @param {InsightMessage} message */
  receive(message) {
    switch (message.type) {
      case "localization":
        this.tiles.insight(message.participant)?.localized(message);
        break;
      case "sound":
        this.#heard(message);
        break;
      case "caption":
        if (this.transcript.push(message)) this.tiles.insight(message.participant)?.captions.track.moved(message);
        else if (!this.#outdated(message)) this.tiles.insight(message.participant)?.captions.track.push(message, performance.now());
        break;
      case "scene":
        this.tiles.insight(message.participant)?.described(message);
        break;
      case "spectrogram":
        this.spectrogram.push(message);
        return;
      case "answer":
        this.ask.answered(message);
        return;
      case "found":
        this.search.found(message);
        return;
    }
    this.tiles.changed(message.participant);
  }

  /**
   * The server cannot do what it was asked just now.
   * @param {number} request
   * @param {string} reason
   * @returns {boolean} whether it is shown where it was asked
   */
  refused(request, reason) {
    return this.ask.refused(request, reason) || this.search.refused(request, reason);
  }

  /**
   * @param {string} key
   * @param {(open?: boolean) => void} openWords
   * @returns {boolean} whether the key means something here
   */
  key(key, openWords) {
    const tab = TAB_KEYS[key];
    if (tab) this.#openTab(tab, openWords);
    else if (key === "c") this.#switch("captions", t("Captions on"), t("Captions off"));
    else if (key === "h") this.#switch("heat", t("Heat-map of the sound on"), t("Heat-map of the sound off"));
    else if (key === "s") this.#showSpectrogram(!this.spectrogram.open);
    else return false;
    return true;
  }

  /**
   * The same key closes what it opened.
   * @param {string} tab
   * @param {(open?: boolean) => void} openWords
   */
  #openTab(tab, openWords) {
    const panel = find(`#${tab}`, HTMLElement);
    const shown = !panel.hidden && !find("#words", HTMLElement).hidden;
    openWords(!shown);
    if (shown) return;
    this.tabs.show(tab);
    if (tab === "words-ask") this.ask.focus();
    else if (tab === "words-chat") this.chat.focus();
    else if (tab === "words-search") this.search.focus();
    else find(`[aria-controls=${tab}]`, HTMLElement).focus();
  }

  /**
   * @param {"captions" | "heat"} what
   * @param {string} on
   * @param {string} off
   */
  #switch(what, on, off) {
    const wanted = !this.settings.now[what];
    this.settings.set({ [what]: wanted });
    toast(wanted ? on : off, "info", BRIEF_MS);
  }

  /** @param {boolean} open */
  #showSpectrogram(open) {
    this.#spectrogramBox.checked = open;
    this.spectrogram.toggle(open);
  }

  /** @param {SoundTags} message */
  #heard(message) {
    const fresh = this.#news.fresh(message, performance.now());
    this.tiles.insight(message.participant)?.heard(message, fresh);
    if (!fresh.length) return;
    // The transcript, while it is open, says the same.
    if (this.settings.now.tags && !this.transcript.readAloud) this.#news.announce(this.call.speaker(message.participant, null), fresh);
    this.transcript.sound(message.participant, message.t, fresh);
  }

  /**
   * Whoever comes in is told what was said before: that belongs into the transcript only.
   * @param {CaptionLine} message
   */
  #outdated({ participant, end, final }) {
    const here = Date.now() / 1000;
    // Only finals are repeated: a line that grows ends now, and tells what time it is there.
    if (!final) this.#behind.set(participant, here - end);
    const there = this.call.history(participant).newestTime ?? here - (this.#behind.get(participant) ?? 0);
    return final && there - end > OLD_S;
  }

  /** @param {Element} button */
  async #download(button) {
    try {
      const format = button.getAttribute("data-download");
      if (format !== "summary") return await downloadTranscript(this.call, /** @type {Format} */ (format));
      const summary = await summaryOf(this.call);
      if (summary) keep(summary.blob, summary.name);
      else toast(t("Nothing was said or written yet."));
    } catch (error) {
      toast(t("The file could not be fetched: {reason}", { reason: reasonOf(error) }), "error");
    }
  }
}
