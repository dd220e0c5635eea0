/** What the server found out about one participant, on their tile: heat-map, sounds, scene, captions. */
import { CaptionLayer } from "./caption-layer.js";
import { element } from "../ui/element.js";
import { RecentFrames } from "./recent-frames.js";
import { HeatLayer } from "./heat.js";
import { HeatTrack } from "./heat-track.js";
import { captureTime } from "../call/face-history.js";
import { SceneLine } from "./scene-line.js";
import { TagChips } from "./tags.js";

/** @import { PlacedFace } from "./overlay.js" */
/** @import { LocalizationMap, SceneDescription, SoundTags } from "../types.js" */
/** @import { View } from "../ui/view-settings.js" */

export class TileInsight {
  #heat = new HeatTrack();
  #frames = new RecentFrames();
  #described = false;
  /** CSS pixels from the upper edge of the tile, 0 while there is nothing. */ headHeight = 0;
  captions = new CaptionLayer();
  #tags = new TagChips();

  /** @param {boolean} own */
  constructor(own) {
    this.own = own;
    this.heatLayer = new HeatLayer(own);
    this.scene = new SceneLine(own, (t) => this.#frames.near(t));
    this.head = element("div", { class: "tile-head" }, this.scene.root, this.#tags.root);
    new ResizeObserver(() => (this.headHeight = this.head.offsetHeight && this.head.offsetTop + this.head.offsetHeight)).observe(this.head);
    /** Under the names of faces; over the veil on what is not heard, which would hide the heat. */
    this.below = [this.heatLayer.root, this.scene.picture, this.scene.heat.root];
    /** Over them. */
    this.above = [this.captions.root, this.head];
  }

  /** @param {LocalizationMap} message */
  localized(message) {
    this.#heat.push(message, performance.now());
  }

  /**
   * @param {SoundTags} message
   * @param {string[]} fresh names that are news
   */
  heard({ tags }, fresh) {
    const now = performance.now();
    this.#tags.push(tags, now);
    if (fresh.length) this.captions.track.sound(fresh, now);
  }

  /** @param {SceneDescription} message */
  described(message) {
    this.#described = true;
    this.scene.push(message, performance.now());
  }

  /**
   * A new picture is on the screen.
   * @param {HTMLVideoElement} video
   * @param {number | null} t its capture time, seconds
   */
  framed(video, t) {
    // Only once the server describes scenes are pictures worth keeping.
    if (t !== null && this.#described) this.#frames.push(video, t, performance.now());
  }

  /**
   * @param {View} view
   * @param {number | null} t capture time of the picture shown, seconds; null = not known
   * @param {Omit<PlacedFace, "heard" | "focused">[]} faces
   * @param {(face: number) => string} nameOf
   * @param {{ width: number, height: number }} tile CSS pixels
   */
  draw(view, t, faces, nameOf, tile) {
    const now = performance.now();
    this.heatLayer.show(view.heat ? this.#heat.at(t, now) : null, view.opacity);
    this.#tags.show(view.tags, now);
    this.scene.show(view.scene, now);
    this.captions.show(view, faces, nameOf, tile, now);
  }

  /**
   * @param {number | undefined} rtp timestamp of the shown frame where the browser tells it
   * @param {number | null} rtpBase
   * @param {number | null} near a time near the answer
   * @returns {number | null} capture time of the shown frame on the publisher's clock, seconds
   */
  timeOf(rtp, rtpBase, near) {
    const told = near ?? this.#heat.newestTime;
    const here = Date.now() / 1000;
    if (this.own) return here;
    return rtp === undefined || rtpBase === null ? told : captureTime(rtp, rtpBase, told ?? here);
  }
}
