/** One participant on the screen: picture, faces, name. */
import { CaptionLayer } from "./caption-layer.js";
import { element, icon } from "../ui/element.js";
import { FaceButtons } from "./face-buttons.js";
import { FacePlacer, drawOverlay } from "./overlay.js";
import { PortraitView } from "../portrait/view.js";
import { Signal } from "./signal.js";
import { TileInsight } from "./tile-insight.js";
import { TileMenu } from "./tile-menu.js";
import { t } from "../texts/texts.js";

/** @import { Call } from "../call/call.js" */
/** @import { ParticipantState } from "../types.js" */
/** @import { TileActions } from "./tile-menu.js" */
/** @import { ViewSettings } from "../ui/view-settings.js" */

const STALLED_MS = 2500;

export class Tile {
  /** @type {MediaStreamTrack | null} */ #track = null;
  /** @type {number | null} */ rtpBase = null;
  #rtp = /** @type {number | undefined} */ (undefined);
  #placer = new FacePlacer();
  #frameAt = 0;
  #gone = false;
  #frozen = false;
  #scheduled = 0;
  /** Width over height of the picture. */
  aspect = 4 / 3;

  /**
   * @param {Call} call
   * @param {string} id
   * @param {{ own: boolean, screen: boolean }} kind own: shown from here; screen: one that is shared, not a camera
   * @param {ViewSettings} settings
   * @param {TileActions} actions
   */
  constructor(call, id, { own, screen }, settings, actions) {
    this.call = call;
    this.settings = settings;
    /** As in a mirror: one's own camera. */ this.mirrored = own && !screen;
    this.insight = new TileInsight(this.mirrored);
    this.id = id;
    this.own = own;
    this.screen = screen;
    this.onAspect = actions.onAspect;
    this.video = element("video", { playsinline: true, muted: true, autoplay: true, "aria-hidden": "true", disablepictureinpicture: true });
    this.video.muted = true;
    this.canvas = element("canvas", { class: "overlay", "aria-hidden": "true" });
    this.avatar = element("div", { class: "avatar", "aria-hidden": "true" });
    this.portrait = new PortraitView(call, id);
    this.still = element("canvas", { class: "still gone", "aria-hidden": "true" });
    this.layer = element("div", { class: "face-layer" });
    this.name = element("span", { class: "tile-name", dir: "auto" });
    this.note = element("span", { class: "tile-note" });
    this.hand = element("span", { class: "tile-hand gone", title: t("Raised hand") }, icon("hand"), element("span", {}));
    this.mutedIcon = icon("speaker-off");
    this.signal = new Signal();
    this.pin = element("span", { class: "tile-hand gone", title: t("Pinned") }, icon("pin"), element("span", { class: "visually-hidden" }, t("Pinned")));
    this.menu = new TileMenu(call, id, actions, this.name);
    this.foot = element("figcaption", { class: "tile-foot" }, this.hand, this.pin, this.mutedIcon, this.name, this.note, this.signal.root);
    this.figure = element(
      "figure",
      { class: `tile${this.mirrored ? " own" : ""}`, "data-testid": "tile", "data-participant": id },
      this.avatar,
      this.portrait.root,
      this.still,
      this.video,
      this.canvas,
      ...this.insight.below,
      this.layer,
      this.foot,
      ...this.insight.above,
      this.menu.root,
    );
    this.cell = element("div", { class: "cell" }, this.figure);
    new ResizeObserver(() => this.figure.style.setProperty("--name-width", `${this.foot.offsetWidth}px`)).observe(this.foot);
    this.faces = new FaceButtons(this.layer, id, { own, mayRename: call.mayName }, {
      onPick: (face) => call.toggleFocus(id, face),
      onRename: (face, name) => call.rename(id, face, name),
    });
    this.video.addEventListener("resize", () => this.#measure());
    this.#watchFrames();
    this.#timer = setInterval(() => this.#checkStall(), 500);
  }

  #timer = 0;

  /**
   * @param {MediaStreamTrack | null} track
   * @param {number | null} rtpBase
   */
  attach(track, rtpBase) {
    this.rtpBase = rtpBase;
    if (track === this.#track) return;
    // A picture that goes on by another track, for its place among those received, or the server, is another.
    const goesOn = !!track && !this.own && !this.#frozen && !this.#stalled;
    if (goesOn) this.#hold(false);
    this.#track = track;
    this.#frozen = false;
    this.#rtp = undefined;
    if (!goesOn) this.#frameAt = 0;
    this.video.srcObject = track && new MediaStream([track]);
    // Rejected when the tile is taken away at once: nothing to do about it.
    if (track) this.video.play().catch(() => undefined);
    this.#checkStall();
  }

  /** @param {ParticipantState} participant */
  update(participant) {
    this.name.textContent = participant.name;
    this.avatar.textContent = [...participant.name.trim()][0]?.toUpperCase() ?? "?";
    const where = this.own ? t("you") : participant.connected ? (participant.video ? "" : t("sound only")) : t("reconnecting…");
    this.portrait.update(participant.portrait);
    const role = participant.host ? t("host") : "";
    this.note.textContent = [where, role, participant.muted ? t("muted by the host") : ""].filter(Boolean).join(", ");
    const place = this.call.talk.handPlace(this.id);
    this.hand.classList.toggle("gone", !place);
    this.hand.lastElementChild?.replaceChildren(String(place));
    this.menu.update();
    // Whose camera went off while we were cut off has no picture that would take the place of the still one.
    if (participant.connected && !participant.video) this.still.classList.add("gone");
    this.figure.classList.toggle("away", !participant.connected && !this.own);
  }

  /** @param {boolean} pinned kept large by this viewer */
  showPinned(pinned) {
    this.pin.classList.toggle("gone", !pinned);
  }

  /** @param {boolean} muted by this listener */
  showMuted(muted) {
    this.mutedIcon.classList.toggle("gone", !muted);
  }

  /** Messages change what is drawn; a picture that comes anyway draws it, else the next refresh of the screen does. */
  changed() {
    if (performance.now() - this.#frameAt < 250) return;
    this.#scheduled ||= requestAnimationFrame(() => {
      this.#scheduled = 0;
      if (!this.#gone) this.draw();
    });
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.figure;
    if (!width) return;
    const { focus, muted } = this.call.faders;
    const whole = focus?.participant === this.id && focus.face === null;
    const view = { width, height, mirrored: this.mirrored };
    const rtp = this.own ? undefined : this.#rtp;
    const found = this.#stalled ? [] : this.#placer.place(this.call.history(this.id), rtp, this.rtpBase, view);
    const faces = found.map((placed) => ({
      ...placed,
      heard: this.own || this.call.hears(this.id, placed.face.id),
      focused: focus?.participant === this.id && focus.face === placed.face.id,
    }));
    const veiled = !this.own && (focus ? !whole : muted.includes(this.id));
    drawOverlay(this.canvas, faces, veiled);
    const caption = this.settings.now.captions ? CaptionLayer.size(this.settings.now, width).height + this.insight.captions.reserve : 0;
    this.faces.show(faces, this.call.participant(this.id)?.name ?? "", { width, height, caption, head: this.insight.headHeight });
    const t = this.insight.timeOf(rtp, this.rtpBase, this.call.history(this.id).newestTime);
    this.insight.draw(this.settings.now, this.own ? null : t, found, (face) => this.call.faceName(this.id, face), view);
    this.figure.classList.toggle("focused", focus?.participant === this.id);
  }

  /** Holds the picture now shown until the next one comes: the tracks of a closed connection turn black. */
  freeze() {
    if (this.own || this.#frozen) return;
    this.#frozen = true;
    if (this.#stalled) return;
    this.#hold(true);
    this.#frameAt = 0;
    this.#checkStall();
  }

  /** @param {boolean} lost whether it may be long until the next picture */
  #hold(lost) {
    this.still.width = this.video.videoWidth;
    this.still.height = this.video.videoHeight;
    this.still.getContext("2d")?.drawImage(this.video, 0, 0);
    this.still.classList.toggle("lost", lost);
    this.still.classList.remove("gone");
  }

  remove() {
    this.#gone = true;
    clearInterval(this.#timer);
    this.portrait.remove();
    this.video.srcObject = null;
    this.cell.remove();
  }

  #watchFrames() {
    if ("requestVideoFrameCallback" in this.video) {
      /** @type {VideoFrameRequestCallback} */
      const shown = (_now, metadata) => {
        if (this.#gone) return;
        this.#rtp = metadata.rtpTimestamp;
        this.#frame();
        asked = this.video.requestVideoFrameCallback(shown);
      };
      let asked = this.video.requestVideoFrameCallback(shown);
      // Chromium may forget what was asked of the track before.
      this.video.addEventListener("loadeddata", () => {
        this.video.cancelVideoFrameCallback(asked);
        asked = this.video.requestVideoFrameCallback(shown);
      });
      return;
    }
    let time = -1;
    const video = /** @type {HTMLVideoElement} */ (this.video);
    const look = () => {
      if (this.#gone) return;
      if (video.currentTime !== time) {
        time = video.currentTime;
        this.#frame();
      }
      requestAnimationFrame(look);
    };
    look();
  }

  #frame() {
    if (this.#frozen) return;
    const first = !this.#frameAt || !this.still.classList.contains("gone");
    this.#frameAt = performance.now();
    if (first) {
      this.still.classList.add("gone");
      this.#measure();
      this.#checkStall();
      if (!this.own) this.call.noteFirstFrame();
    }
    this.insight.framed(this.video, this.insight.timeOf(this.#rtp, this.rtpBase, this.call.history(this.id).newestTime));
    this.draw();
  }

  #measure() {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth || !videoHeight) return;
    this.aspect = videoWidth / videoHeight;
    this.onAspect();
  }

  get #stalled() {
    return !this.#track || !this.#frameAt || performance.now() - this.#frameAt > STALLED_MS;
  }

  /** A camera that is off, or a picture that does not arrive, gives way to the portrait, or to the initial. */
  #checkStall() {
    const stalled = this.#stalled;
    this.figure.classList.toggle("pictureless", stalled && !document.hidden);
    this.portrait.show(stalled);
    if (stalled) this.draw();
  }
}
