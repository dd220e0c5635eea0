/** The tiles: who has one, who of them is large, and what of it the server is told. */
import { ActiveSpeaker } from "../call/active-speaker.js";
import { gallery, stage } from "./arrangement.js";
import { FiguresDialog } from "./figures-dialog.js";
import { LinkFigures } from "../call/link-figures.js";
import { showReaction } from "./reactions.js";
import { Tile } from "./tile.js";
import { toast } from "../ui/toasts.js";
import { ViewReport } from "../call/view-report.js";
import { t } from "../texts/texts.js";

/** @import { Call } from "../call/call.js" */
/** @import { LocalMedia } from "../call/media.js" */
/** @import { Mark } from "../types.js" */
/** @import { ScreenShare } from "../call/screen-share.js" */
/** @import { ViewSettings } from "../ui/view-settings.js" */

/** A window of its own is about so wide; how wide is not told. */
const PICTURE_WIDTH = 480;

export class Tiles {
  /** @type {Map<string, Tile>} */ #tiles = new Map();
  #speaker = new ActiveSpeaker();
  /** @type {FiguresDialog} */ #figures;
  /** @type {string | null} whom this viewer keeps large */ #pinned = null;
  /** @type {string | null} who has the whole screen */ #alone = null;
  /** @type {Set<Element>} figures that are scrolled out of sight */ #unseen = new Set();
  #sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) this.#unseen[isIntersecting ? "delete" : "add"](target);
    this.report.changed();
  });

  /**
   * @param {HTMLElement} grid
   * @param {Call} call
   * @param {LocalMedia | null} media
   * @param {ViewSettings} settings
   * @param {ScreenShare | null} share
   * @param {(participant: string) => void} onRemove the host wants somebody out
   * @param {(() => void) | null} onPortrait one wants to choose what stands for oneself
   */
  constructor(grid, call, media, settings, share, onRemove, onPortrait) {
    this.onPortrait = onPortrait;
    this.share = share;
    this.onRemove = onRemove;
    this.grid = grid;
    this.call = call;
    this.media = media;
    this.settings = settings;
    const links = new LinkFigures(call);
    links.addEventListener("change", () => this.#tiles.forEach((tile, id) => tile.signal.show(links.now.get(id))));
    this.#figures = new FiguresDialog(call, links);
    this.report = new ViewReport(call.connection, () => this.#widths());
    settings.addEventListener("change", () => this.layout());
    document.addEventListener("visibilitychange", () => this.report.changed());
    document.addEventListener("fullscreenchange", () => !document.fullscreenElement && this.#endFullScreen());
    new ResizeObserver(() => this.layout()).observe(grid);
    media?.addEventListener("change", () => this.updateOwn());
    share?.addEventListener("change", () => this.updateOwn());
  }

  /** Makes and removes tiles after the room's state; watchers have none. */
  updateRoom() {
    const shown = (this.call.room?.participants ?? []).filter(
      ({ id, publishing, connected, screen_of }) =>
        publishing || (this.#tiles.has(id) && !connected) || (id === this.call.self && this.media) || (!!screen_of && screen_of === this.call.self),
    );
    for (const [id, tile] of this.#tiles) {
      if (shown.some((participant) => participant.id === id)) continue;
      tile.remove();
      this.#sight.unobserve(tile.figure);
      this.#unseen.delete(tile.figure);
      this.#tiles.delete(id);
      if (this.#pinned === id) this.#pinned = null;
      if (this.#alone === id) void document.exitFullscreen();
    }
    for (const participant of shown) {
      let tile = this.#tiles.get(participant.id);
      if (!tile) {
        const own = [participant.id, participant.screen_of].includes(this.call.self);
        tile = new Tile(this.call, participant.id, { own, screen: !!participant.screen_of }, this.settings, {
          onAspect: () => this.layout(),
          onRemove: this.onRemove,
          onPortrait: this.onPortrait,
          pinned: (id) => this.#pinned === id,
          onPin: (id, pinned) => this.pin(pinned ? id : null),
          onFullScreen: (id) => void this.#fullScreen(id),
          onFigures: (id) => this.#figures.open(id),
          onPicture: (id) => void this.#picture(id),
        });
        this.#tiles.set(participant.id, tile);
        this.#sight.observe(tile.figure);
        // One's own picture stays last.
        const last = participant.id === this.call.self;
        this.grid.insertBefore(tile.cell, last ? null : (this.#tiles.get(this.call.self)?.cell ?? null));
        if (!last) this.#moveOwnLast();
      }
      tile.update(participant);
    }
    this.updatePictures();
    this.updateOwn();
    this.updateFaders();
    this.#follow();
    this.layout();
  }

  /** Keeps the order of the map, which layout goes by, equal to the order on the screen. */
  #moveOwnLast() {
    const own = this.#tiles.get(this.call.self);
    if (own && this.#tiles.delete(this.call.self)) this.#tiles.set(this.call.self, own);
  }

  /** Keeps the last pictures on the screen while the connection is remade. */
  freeze() {
    for (const tile of this.#tiles.values()) tile.freeze();
  }

  updatePictures() {
    for (const [id, tile] of this.#tiles) {
      if (tile.own) continue;
      const picture = this.call.picture(id);
      tile.attach(picture?.track ?? null, picture?.rtpBase ?? null);
    }
  }

  updateOwn() {
    for (const [id, tile] of this.#tiles) {
      if (tile.own) tile.attach((id === this.call.self ? this.media?.tracks.video : this.share?.track) ?? null, null);
    }
  }

  updateFaders() {
    for (const [id, tile] of this.#tiles) {
      tile.showMuted(this.call.faders.muted.includes(id));
      tile.draw();
    }
  }

  /** @param {string} participant whose faces moved, or of whom the server found something out */
  changed(participant) {
    this.#tiles.get(participant)?.changed();
    if (this.#follow() && this.settings.now.layout === "speaker") this.layout();
  }

  /** @param {string} participant */
  insight(participant) {
    return this.#tiles.get(participant)?.insight;
  }

  /**
   * @param {string} participant
   * @param {Mark} mark
   */
  react(participant, mark) {
    const tile = this.#tiles.get(participant);
    if (tile) showReaction(tile.figure, mark);
  }

  get pinned() {
    return this.#pinned;
  }

  /** @param {string | null} participant kept large until unpinned */
  pin(participant) {
    this.#pinned = participant;
    this.layout();
  }

  /** @returns {string | null} whose picture is large */
  get large() {
    if (this.#alone) return this.#alone;
    if (this.#pinned) return this.#pinned;
    // A screen is shared to be read.
    const screen = [...this.#tiles.values()].find((tile) => tile.screen && !tile.own);
    if (screen) return screen.id;
    return this.settings.now.layout === "speaker" && this.#tiles.size > 1 ? this.#speaker.now : null;
  }

  layout() {
    const { clientWidth: width, clientHeight: height } = this.grid;
    for (const [id, tile] of this.#tiles) {
      tile.cell.hidden = !!this.#alone && this.#alone !== id;
      tile.showPinned(this.#pinned === id);
    }
    const shown = [...this.#tiles.values()].filter(({ cell }) => !cell.hidden);
    if (!shown.length || !width || !height) return;
    const aspects = shown.map(({ aspect }) => aspect);
    const large = shown.findIndex(({ id }) => id === this.large);
    const { columns, rows, places } = large < 0 ? gallery(aspects, width, height) : stage(aspects, large, width, height);
    this.grid.classList.toggle("staged", large >= 0);
    this.grid.style.gridTemplateColumns = columns;
    this.grid.style.gridTemplateRows = rows;
    shown.forEach((tile, i) => {
      const place = places[i];
      if (!place) return;
      tile.cell.classList.toggle("large", i === large);
      tile.cell.style.width = i === large ? `${width}px` : "";
      tile.cell.style.gridColumn = place.column;
      tile.cell.style.gridRow = place.row;
      tile.figure.style.width = `${place.width}px`;
      tile.figure.style.height = `${Math.floor(place.width / tile.aspect)}px`;
      tile.draw();
    });
    this.report.changed();
  }

  /** @returns {boolean} whether somebody else is to be seen in the view that follows */
  #follow() {
    const others = [...this.#tiles.values()].filter(({ own }) => !own);
    const speaking = new Map(
      others.map(({ id }) => {
        const history = this.call.history(id);
        return [id, Math.max(0, ...[...history.newest(), ...history.voices()].map((one) => one.speaking))];
      }),
    );
    return this.#speaker.step(speaking, performance.now());
  }

  /** @returns {Map<string, number>} points of the screen that each picture from the server takes up */
  #widths() {
    const window = document.pictureInPictureElement;
    return new Map(
      [...this.#tiles.values()]
        .filter(({ own }) => !own)
        .map(({ id, cell, figure, video }) => {
          const seen = !document.hidden && !cell.hidden && !this.#unseen.has(figure);
          const here = seen ? figure.clientWidth * devicePixelRatio : 0;
          return [id, video === window ? Math.max(here, PICTURE_WIDTH) : here];
        }),
    );
  }

  /** @param {string} participant */
  async #fullScreen(participant) {
    this.#alone = participant;
    document.body.classList.add("alone");
    try {
      await document.documentElement.requestFullscreen();
    } catch {
      this.#endFullScreen();
      toast(t("The browser does not give this page the whole screen."), "error");
    }
    this.layout();
  }

  #endFullScreen() {
    this.#alone = null;
    document.body.classList.remove("alone");
    this.layout();
  }

  /** @param {HTMLVideoElement} video */
  #pictureBack(video) {
    video.disablePictureInPicture = true;
    this.report.changed();
  }

  /** @param {string} participant whose picture gets a window of its own, or loses it */
  async #picture(participant) {
    const video = this.#tiles.get(participant)?.video;
    if (!video) return;
    try {
      if (document.pictureInPictureElement === video) await document.exitPictureInPicture();
      else {
        // Else browsers lay a button of their own over every picture.
        video.disablePictureInPicture = false;
        await video.requestPictureInPicture();
        video.addEventListener("leavepictureinpicture", () => this.#pictureBack(video), { once: true });
      }
    } catch {
      video.disablePictureInPicture = true;
      toast(t("The browser does not give this picture a window of its own now."), "error");
    }
    this.report.changed();
  }
}
