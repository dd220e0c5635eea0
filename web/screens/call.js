/** The call on the screen: ties the call's state to tiles, mixer, bar, notices and keys. */
import { CallBar } from "./call-bar.js";
import { element, find } from "../ui/element.js";
import { removeAfterAsking } from "../panels/host.js";
import { ScreenShare } from "../call/screen-share.js";
import { Noise } from "../call/noise.js";
import { MixerPanel } from "../panels/mixer.js";
import { OwnPortrait } from "../portrait/own.js";
import { Hints } from "./hints.js";
import { Insight } from "../panels/insight.js";
import { Tiles } from "../tile/tiles.js";
import { toast } from "../ui/toasts.js";
import { ViewSettings } from "../ui/view-settings.js";
import { t } from "../texts/texts.js";
import { list } from "../texts/formats.js";

/** @import { ConnectionState, Reaction } from "../types.js" */
/** @import { Call } from "../call/call.js" */
/** @import { LocalMedia } from "../call/media.js" */
/** @import { PortraitWish } from "../portrait/wish.js" */

const PANEL_EVERY_MS = 250;
const CONNECTION_WORDS = {
  connecting: t("Connecting…"),
  waiting: t("Waiting to be let in"),
  connected: t("Connected"),
  blocked: t("No picture, no sound"),
  reconnecting: t("Reconnecting…"),
  refused: t("Disconnected"),
  removed: t("Removed"),
  left: t("Left"),
};

export class CallScreen {
  #section = find("#call", HTMLElement);
  #audio = find("#remote-audio", HTMLAudioElement);
  #tapToHear = find("#tap-to-hear", HTMLButtonElement);
  #connection = find("#status-connection", HTMLElement);
  #voices = find("#status-voices", HTMLElement);
  #banner = find("#banner", HTMLElement);
  #hearing = find("#hearing", HTMLElement);
  #empty = find("#empty", HTMLElement);
  #watchers = find("#watchers", HTMLElement);
  #waiting = find("#waiting", HTMLElement);
  #mutedByHost = false;
  #hints = new Hints();
  #panelTimer = 0;

  /**
   * Shows a call that the server has let us into, and starts it.
   * @param {Call} call
   * @param {LocalMedia | null} media null = watch only
   * @param {PortraitWish} wish
   */
  constructor(call, media, wish) {
    const watching = call.connection.joined?.role === "watch";
    if (watching && media) {
      media.stop();
      toast(t("This link lets you watch and listen."));
    }
    this.call = call;
    this.media = watching ? null : media;
    const settings = new ViewSettings();
    this.share = watching ? null : new ScreenShare(call, (reason) => void toast(reason, "error"));
    const portrait = this.media && new OwnPortrait(call, wish, this.media);
    const noise = this.media && new Noise(call.connection, this.media);
    const remove = (/** @type {string} */ id) => void removeAfterAsking(call, id);
    this.tiles = new Tiles(find("#tiles", HTMLElement), call, this.media, settings, this.share, remove, portrait && (() => portrait.open()));
    this.insight = new Insight(call, this.tiles, settings);
    this.mixer = new MixerPanel(find("#mixer-list", HTMLElement), find("#mixer-empty", HTMLElement), call);
    this.bar = new CallBar(call, this.media, this.#audio, this.insight, this.share);
    this.media?.addEventListener("lost", (event) => {
      if (event instanceof CustomEvent) toast(String(event.detail), "error");
    });
    this.#section.hidden = false;
    this.#showConnection("connecting", CONNECTION_WORDS.connecting, false);
    find("#waiting-leave", HTMLButtonElement).addEventListener("click", () => void this.bar.leave());
    this.#tapToHear.addEventListener("click", () => void this.#play());
    addEventListener("pagehide", () => call.connection.close(true));
    // A page taken back out of the browser's cache has no connections left.
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    call.start({
      onRoom: () => this.#roomChanged(),
      onFaders: () => this.#fadersChanged(),
      onSlots: () => this.#slotsChanged(),
      onFaces: (participant) => this.#facesChanged(participant),
      onVoices: (separated, reason) => this.#showVoices(separated, reason),
      onConnection: (state, detail, retrying) => this.#showConnection(state, detail, retrying),
      onInsight: (message) => this.insight.receive(message),
      onTalk: (message) => (message.type === "reaction" ? this.#react(message) : this.insight.chat.receive(message)),
      onWelcome: () => {
        noise?.welcomed();
        this.insight.welcomed();
        this.tiles.report.askAgain();
        portrait?.welcomed();
      },
      onMoved: () => this.share?.moved(),
      onHosting: () => this.bar.host.update(),
      onRecording: () => this.bar.recording.update(),
      onHearing: (complete) => this.#showComplete(complete),
      onNotice: (reason, request, kind = "error") => {
        if (!request || !this.insight.refused(request, reason)) toast(reason, kind);
      },
    });
  }

  #roomChanged() {
    document.title = `${this.call.participant(this.call.self)?.name ?? t("Call")} · Earshot`;
    this.tiles.updateRoom();
    this.mixer.update();
    this.insight.roomChanged();
    this.bar.host.update();
    this.bar.gestures.roomChanged();
    this.share?.roomChanged();
    this.#showRules();
    this.#showHearing();
    this.#empty.hidden = (this.call.room?.participants.length ?? 0) > 1;
    const watchers = this.call.room?.participants.filter(({ publishing, connected, screen_of }) => connected && !publishing && !screen_of) ?? [];
    const names = watchers.map(({ id, name }) => (id === this.call.self ? t("{name} (you)", { name }) : name));
    this.#watchers.textContent = names.length ? t("Watching: {names}", { names: list(names) }) : "";
  }

  /** What the host settled, and whether they muted this page. */
  #showRules() {
    const locked = this.call.room?.rules.locked ? t("Locked") : "";
    const shown = find("#status-locked", HTMLElement);
    if (shown.textContent !== locked) shown.textContent = locked;
    const { muted } = this.call.hosting;
    if (muted && !this.#mutedByHost) {
      this.media?.setMuted(true);
      toast(t("The host muted you: nobody hears you until you unmute yourself."), "error");
    }
    this.#mutedByHost = muted;
  }

  /** @param {Reaction} reaction */
  #react({ participant, mark }) {
    const name = this.call.participant(participant)?.name ?? "";
    this.tiles.react(participant, mark);
    this.bar.gestures.announce(name, mark);
  }

  #fadersChanged() {
    this.tiles.updateFaders();
    this.mixer.update();
    this.insight.spectrogram.update();
    this.#showHearing();
    this.bar.showFocus(!!this.call.faders.focus);
  }

  #showHearing() {
    const { focus } = this.call.faders;
    const owner = focus ? (this.call.participant(focus.participant)?.name ?? t("someone who left")) : "";
    const who = focus?.face == null ? owner : t("{face} of {owner}", { face: this.call.faceName(focus.participant, focus.face), owner });
    this.#hearing.hidden = !focus;
    const heard = focus ? t("Hearing only {who}", { who }) : "";
    // Read out when it changes, not at every move of a fader.
    if (this.#hearing.textContent !== heard) this.#hearing.textContent = heard;
  }

  #slotsChanged() {
    this.tiles.updatePictures();
    const sound = this.call.sound();
    const now = this.#audio.srcObject;
    if (!sound || (now instanceof MediaStream && now.getTracks()[0] === sound)) return;
    this.#audio.srcObject = new MediaStream([sound]);
    void this.#play();
  }

  async #play() {
    try {
      await this.#audio.play();
      this.#tapToHear.hidden = true;
    } catch (error) {
      // Browsers stay silent until a click when the page was opened without one; a replaced source is no refusal.
      if (error instanceof DOMException && error.name === "NotAllowedError") this.#tapToHear.hidden = false;
    }
  }

  /** @param {string} participant */
  #facesChanged(participant) {
    this.tiles.changed(participant);
    if (participant !== this.call.self && this.call.history(participant).newest().length) this.#hints.faceSeen();
    this.#panelTimer ||= setTimeout(() => {
      this.#panelTimer = 0;
      this.mixer.update();
      this.insight.spectrogram.update();
    }, PANEL_EVERY_MS);
  }

  /**
   * @param {boolean} separated
   * @param {string} reason
   */
  #showVoices(separated, reason) {
    const poor = reason ? t("Voices are not separated just now: {reason}", { reason }) : t("Voices are not separated just now");
    this.#voices.textContent = separated ? t("Voices are separated") : poor;
    this.#voices.dataset.state = separated ? "good" : "poor";
  }

  /** @param {boolean} complete whether all of the sound reaches this listener */
  #showComplete(complete) {
    find("#status-hearing", HTMLElement).textContent = complete ? "" : t("Some of the sound is left out: the server is too busy");
  }

  /**
   * @param {ConnectionState} state
   * @param {string} detail
   * @param {boolean} retrying
   */
  #showConnection(state, detail, retrying) {
    if (state === "removed") {
      this.bar.ended(detail, false);
      return;
    }
    // What is new has lost nothing yet.
    if (state !== "connected") this.#showComplete(true);
    this.#section.hidden = state === "waiting" || state === "left";
    this.#waiting.hidden = state !== "waiting";
    this.#connection.textContent = CONNECTION_WORDS[state];
    this.#connection.dataset.state = state === "connected" ? "good" : ["refused", "blocked"].includes(state) ? "bad" : "poor";
    if (state === "reconnecting" || state === "refused") this.tiles.freeze();
    this.#section.classList.toggle("cut", state === "reconnecting" || state === "refused");
    this.#banner.hidden = !["refused", "reconnecting", "blocked"].includes(state);
    if (this.#banner.hidden) return;
    const children = [element("span", {}, detail)];
    if (state === "refused" || retrying) {
      const again = element("button", { type: "button", class: "button small" }, state === "refused" ? t("Try again") : t("Try now"));
      again.addEventListener("click", () => this.call.connection.retry());
      children.push(again);
    }
    this.#banner.replaceChildren(...children);
  }
}
