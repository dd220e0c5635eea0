/** The bar under the call, its keys and its dialogs. */
import { DevicePickers } from "./devices.js";
import { keep, summaryOf } from "../panels/downloads.js";
import { find, setIcon } from "../ui/element.js";
import { GesturesBar } from "../panels/gestures.js";
import { keepAwake } from "../ui/wake-lock.js";
import { HostPanel } from "../panels/host.js";
import { InviteDialog } from "./invite-dialog.js";
import { LayoutMenu } from "./layout-menu.js";
import { LevelMeter } from "../ui/meter.js";
import { letterOf } from "../ui/keys.js";
import { MutedTalk } from "../call/muted-talk.js";
import { playTestTone } from "../ui/test-tone.js";
import { qualityOf } from "../call/picture-quality.js";
import { RecordingPanel } from "../panels/recording.js";
import { PushToTalk } from "./push-to-talk.js";
import { ScreenShare } from "../call/screen-share.js";
import { SidePanels } from "../panels/side-panels.js";
import { toast } from "../ui/toasts.js";
import { t } from "../texts/texts.js";

/** @import { Call } from "../call/call.js" */
/** @import { Insight } from "../panels/insight.js" */
/** @import { LocalMedia } from "../call/media.js" */

const SUMMARY_MS = 2000;

export class CallBar {
  #mute = find("#mute", HTMLButtonElement);
  #camera = find("#camera", HTMLButtonElement);
  #everyone = find("#everyone", HTMLButtonElement);
  #mixer = find("#panel", HTMLElement);
  #words = find("#words", HTMLElement);
  #panels = new SidePanels([
    { panel: this.#mixer, button: find("#panel-button", HTMLButtonElement), close: find("#panel-close", HTMLButtonElement) },
    { panel: find("#host", HTMLElement), button: find("#host-button", HTMLButtonElement), close: find("#host-close", HTMLButtonElement) },
    { panel: this.#words, button: find("#words-button", HTMLButtonElement), close: find("#words-close", HTMLButtonElement) },
  ]);
  #letSleep = keepAwake();
  #devices = find("#devices", HTMLDialogElement);
  /** @type {InviteDialog} */ #invite;
  #meter = new LevelMeter(find("#call-level", HTMLElement));

  /**
   * @param {Call} call
   * @param {LocalMedia | null} media null = watch only
   * @param {HTMLAudioElement} audio
   * @param {Insight} insight
   * @param {ScreenShare | null} share null = watch only
   */
  constructor(call, media, audio, insight, share) {
    this.share = share;
    this.call = call;
    this.media = media;
    this.insight = insight;
    this.audio = audio;
    this.#invite = new InviteDialog(call);
    this.host = new HostPanel(call);
    this.recording = new RecordingPanel(call);
    this.layout = new LayoutMenu(insight.tiles);
    this.gestures = new GesturesBar(call);
    this.#bind(audio);
    for (const publishing of document.querySelectorAll("[data-needs-media]")) {
      if (publishing instanceof HTMLElement) publishing.hidden = !media;
    }
    for (const renaming of document.querySelectorAll("[data-needs-rename]")) {
      if (renaming instanceof HTMLElement) renaming.hidden = call.connection.joined?.role === "watch";
    }
    this.#bindShare();
    media?.addEventListener("change", () => this.#showMedia());
    if (media) {
      new PushToTalk(media, () => this.#toggleMute(), () => this.#listens && insight.settings.now.keys);
      new MutedTalk(media, () => toast(t("You are muted: nobody hears you. Hold Space to talk, or press Mute.")));
    }
    this.#showMedia();
    this.showFocus(false);
    this.#panels.toggle(this.#mixer, matchMedia("(min-width: 900px)").matches);
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {boolean} focused */
  showFocus(focused) {
    this.#everyone.disabled = !focused;
    this.#everyone.classList.toggle("wanted", focused);
  }

  /** @param {HTMLAudioElement} audio */
  #bind(audio) {
    this.#mute.addEventListener("click", () => this.#toggleMute());
    this.#camera.addEventListener("click", () => void this.#toggleCamera());
    this.#everyone.addEventListener("click", () => this.call.setFocus(null));
    find("#leave", HTMLButtonElement).addEventListener("click", () => void this.leave());
    find("#invite", HTMLButtonElement).addEventListener("click", () => this.#invite.open());
    find("#devices-button", HTMLButtonElement).addEventListener("click", () => this.#openDevices());
    this.#devices.addEventListener("close", () => this.#meter.follow(null));
    find("[data-close]", HTMLButtonElement, this.#devices).addEventListener("click", () => this.#devices.close());
    if (!this.media) return;
    const pickers = new DevicePickers(
      this.media,
      {
        camera: find("#call-camera", HTMLSelectElement),
        microphone: find("#call-microphone", HTMLSelectElement),
        speaker: find("#call-speaker", HTMLSelectElement),
      },
      audio,
    );
    void pickers.refresh();
    this.#bindQuality(this.media);
  }

  /** @param {LocalMedia} media */
  #bindQuality(media) {
    const quality = find("#call-quality", HTMLSelectElement);
    quality.value = media.quality;
    quality.addEventListener("change", () => void media.setQuality(qualityOf(quality.value)));
    const test = find("#speaker-test", HTMLButtonElement);
    test.addEventListener("click", async () => {
      test.disabled = true;
      await playTestTone(this.audio.sinkId).catch(() => toast(t("The loudspeaker could not be used."), "error"));
      test.disabled = false;
    });
  }

  #bindShare() {
    const { share } = this;
    const button = find("#share", HTMLButtonElement);
    button.hidden = !share || !ScreenShare.offered;
    button.addEventListener("click", () => (share?.stream ? share.stop() : void share?.start()));
    share?.addEventListener("change", () => {
      button.setAttribute("aria-pressed", String(!!share.stream));
      button.lastElementChild?.replaceChildren(share.stream ? t("Stop") : t("Share"));
    });
  }

  #showMedia() {
    if (!this.media) return;
    const { tracks, muted, problems } = this.media;
    this.#mute.setAttribute("aria-pressed", String(muted));
    this.#mute.disabled = !tracks.audio;
    setIcon(this.#mute, muted || !tracks.audio ? "mic-off" : "mic");
    this.#camera.setAttribute("aria-pressed", String(!tracks.video));
    setIcon(this.#camera, tracks.video ? "camera" : "camera-off");
    if (this.#devices.open) this.#meter.follow(tracks.audio);
    find("#call-audio-problem", HTMLElement).textContent = problems.audio;
    find("#call-video-problem", HTMLElement).textContent = problems.video;
  }

  #toggleMute() {
    if (!this.media?.tracks.audio) return;
    this.media.setMuted(!this.media.muted);
    if (!this.media.muted && this.call.hosting.muted) this.call.hosting.unmuteSelf();
  }

  async #toggleCamera() {
    if (!this.media || this.#camera.disabled) return;
    this.#camera.disabled = true;
    await this.media.setCameraOff(!!this.media.tracks.video);
    this.#camera.disabled = false;
    if (this.media.problems.video) toast(this.media.problems.video, "error");
  }

  #openDevices() {
    this.#devices.showModal();
    this.#meter.follow(this.media?.tracks.audio ?? null);
  }

  async leave() {
    const { connection, room } = this.call;
    const there = room && connection.state === "connected";
    this.ended(t("You left the call"), true);
    // Only who is in the call is given its summary: they go once they have it, unseen and unheard.
    const summary = there ? await summaryOf(this.call, SUMMARY_MS).catch(() => null) : null;
    connection.close();
    if (!summary) return;
    const button = find("#keep-summary", HTMLButtonElement);
    button.hidden = false;
    button.addEventListener("click", () => keep(summary.blob, summary.name));
  }

  /**
   * @param {string} how the call is over for this page
   * @param {boolean} mayReturn
   */
  ended(how, mayReturn) {
    this.media?.stop();
    this.share?.stop();
    this.#letSleep();
    this.audio.pause();
    for (const screen of ["#call", "#waiting"]) find(screen, HTMLElement).hidden = true;
    find("#left-title", HTMLElement).textContent = how;
    find("#left", HTMLElement).hidden = false;
    const rejoin = find("#rejoin", HTMLButtonElement);
    rejoin.hidden = !mayReturn;
    rejoin.addEventListener("click", () => location.reload());
    if (mayReturn) rejoin.focus();
  }

  /** Whether keys are meant for the call, and not for a dialog. */
  get #listens() {
    return !find("#call", HTMLElement).hidden && !document.querySelector("dialog[open], :popover-open");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = event.target instanceof Element ? event.target : null;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    if (!this.#listens) return;
    if (target?.closest("input:not([type=range], [type=checkbox]), select, textarea")) return;
    const key = letterOf(event);
    if (key !== "escape" && !this.insight.settings.now.keys) return;
    if (key === "m") this.#toggleMute();
    else if (key === "v") void this.#toggleCamera();
    else if (key === "g") this.layout.toggle();
    else if (key === "r") this.gestures.open();
    else if (key === "p") this.#panels.toggle(this.#mixer);
    else if (key === "escape" && this.call.faders.focus) this.call.setFocus(null);
    else if (!this.insight.key(key, (open) => this.#panels.toggle(this.#words, open))) return;
    event.preventDefault();
  }
}
