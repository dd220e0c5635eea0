/** The grid of tiles: who has one, and the largest size at which all fit. */
import { showReaction } from "./reactions.js";
import { Tile } from "./tile.js";

/** @import { Call } from "../call/call.js" */
/** @import { LocalMedia } from "../call/media.js" */
/** @import { Mark } from "../types.js" */
/** @import { ViewSettings } from "../ui/view-settings.js" */

const GAP = 10;

/**
 * @param {number[]} aspects
 * @param {number} width
 * @param {number} height
 * @returns {number} the number of columns that shows the most picture
 */
function bestColumns(aspects, width, height) {
  let best = { columns: 1, area: 0 };
  for (let columns = 1; columns <= aspects.length; columns += 1) {
    const rows = Math.ceil(aspects.length / columns);
    const w = (width - GAP * (columns - 1)) / columns;
    const h = (height - GAP * (rows - 1)) / rows;
    const area = aspects.reduce((sum, aspect) => sum + Math.min(w, h * aspect) ** 2 / aspect, 0);
    if (area > best.area) best = { columns, area };
  }
  return best.columns;
}

export class Tiles {
  /** @type {Map<string, Tile>} */ #tiles = new Map();

  /**
   * @param {HTMLElement} grid
   * @param {Call} call
   * @param {LocalMedia | null} media
   * @param {ViewSettings} settings
   * @param {(participant: string) => void} onRemove the host wants somebody out
   */
  constructor(grid, call, media, settings, onRemove) {
    this.onRemove = onRemove;
    this.grid = grid;
    this.call = call;
    this.media = media;
    this.settings = settings;
    settings.addEventListener("change", () => this.#tiles.forEach((tile) => tile.draw()));
    new ResizeObserver(() => this.layout()).observe(grid);
    media?.addEventListener("change", () => this.updateOwn());
  }

  /** Makes and removes tiles after the room's state; watchers have none. */
  updateRoom() {
    const shown = (this.call.room?.participants ?? []).filter(
      ({ id, publishing, connected }) => publishing || (this.#tiles.has(id) && !connected) || (id === this.call.self && this.media),
    );
    for (const [id, tile] of this.#tiles) {
      if (shown.some((participant) => participant.id === id)) continue;
      tile.remove();
      this.#tiles.delete(id);
    }
    for (const participant of shown) {
      let tile = this.#tiles.get(participant.id);
      if (!tile) {
        const own = participant.id === this.call.self;
        tile = new Tile(this.call, participant.id, own, this.settings, { onAspect: () => this.layout(), onRemove: this.onRemove });
        this.#tiles.set(participant.id, tile);
        // One's own picture stays last.
        this.grid.insertBefore(tile.cell, own ? null : (this.#tiles.get(this.call.self)?.cell ?? null));
        if (!own) this.#moveOwnLast();
      }
      tile.update(participant);
    }
    this.updatePictures();
    this.updateOwn();
    this.updateFaders();
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
    this.#tiles.get(this.call.self)?.attach(this.media?.tracks.video ?? null, null);
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

  layout() {
    const tiles = [...this.#tiles.values()];
    const { clientWidth: width, clientHeight: height } = this.grid;
    if (!tiles.length || !width || !height) return;
    const columns = bestColumns(
      tiles.map(({ aspect }) => aspect),
      width,
      height,
    );
    const rows = Math.ceil(tiles.length / columns);
    const roomW = Math.floor((width - GAP * (columns - 1)) / columns);
    const h = Math.floor((height - GAP * (rows - 1)) / rows);
    const fitted = tiles.map(({ aspect }) => Math.floor(Math.min(roomW, h * aspect)));
    const w = Math.max(...fitted);
    // Twice as many half columns as columns: a short last row can then stand in the middle.
    this.grid.style.gridTemplateColumns = `repeat(${columns * 2}, ${(w - GAP) / 2}px)`;
    const inLastRow = tiles.length - columns * (rows - 1);
    [...this.grid.children].forEach((cell, i) => {
      const startsLastRow = rows > 1 && i === columns * (rows - 1);
      if (cell instanceof HTMLElement) cell.style.gridColumn = `${startsLastRow ? 1 + columns - inLastRow : "auto"} / span 2`;
    });
    tiles.forEach((tile, i) => {
      const tileW = fitted[i] ?? 0;
      tile.figure.style.width = `${tileW}px`;
      tile.figure.style.height = `${Math.floor(tileW / tile.aspect)}px`;
      tile.draw();
    });
  }
}
