/** Ten seconds of a spectrogram on a canvas: columns stand at their time, the oldest make room for the newest. */
import { bytesOf } from "../ui/bytes.js";
import { COLOUR_MAP } from "../ui/colour-map.js";
import { t } from "../texts/texts.js";

/** @import { SpectrogramColumns } from "../types.js" */

const SECONDS = 10;
/** Half a second without news, and the picture stands still. */
const GLIDE_S = 0.5;
const MOST_COLUMNS = 2000;
const MOST_BANDS = 1024;
const LEFT = 38;
const BOTTOM = 18;
const TOP = 6;

export class Spectrogram {
  /** Columns by their number modulo its width; band 0 at the foot. */
  #ring = document.createElement("canvas");
  #hop = 0;
  #low = 0;
  #high = 0;
  #newest = -1;
  /** @type {{ column: number, t: number } | null} */ #anchor = null;
  #arrived = 0;
  #drawn = "";

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
  }

  clear() {
    this.#newest = -1;
    this.#anchor = null;
    this.#ring.getContext("2d")?.clearRect(0, 0, this.#ring.width, this.#ring.height);
  }

  /**
   * @param {SpectrogramColumns} message
   * @param {number} now milliseconds
   */
  push({ t, hop, bands, low, high, data }, now) {
    const bytes = bytesOf(data);
    if (!(bands > 0 && bands <= MOST_BANDS && hop > SECONDS / MOST_COLUMNS)) return;
    const count = Math.floor(bytes.length / bands);
    if (!count) return;
    this.#shape(hop, bands, low, high);
    const first = this.#columnAt(t);
    if (!this.#makeRoom(first + count - 1)) return;
    const from = Math.max(0, this.#newest - this.#ring.width + 1 - first);
    for (let i = from; i < count; i += 1) this.#paint(first + i, bytes.subarray(i * bands, (i + 1) * bands));
    if (first + count - 1 === this.#newest) {
      this.#anchor = { column: first, t };
      this.#arrived = now;
    }
  }

  /** @param {number} now milliseconds @returns {boolean} whether nothing moves until the next message */
  settled(now) {
    return now - this.#arrived > GLIDE_S * 1000 + 100;
  }

  /**
   * @param {number} now milliseconds
   * @param {boolean} smooth glide between messages
   */
  draw(now, smooth) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const ratio = devicePixelRatio;
    const glide = smooth && this.#newest >= 0 ? Math.min((now - this.#arrived) / 1000, GLIDE_S) : 0;
    const x = Math.round((glide / SECONDS) * (width - LEFT) * ratio);
    const key = [width, height, ratio, this.#newest, this.#arrived, x].join();
    if (key === this.#drawn) return;
    this.#drawn = key;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#drawColumns(context, { width: width - LEFT, height: height - TOP - BOTTOM, shift: x / ratio });
    this.#drawAxes(context, width, height);
  }

  /**
   * @param {number} hop
   * @param {number} bands
   * @param {number} low
   * @param {number} high
   */
  #shape(hop, bands, low, high) {
    this.#low = low;
    this.#high = high;
    const columns = Math.ceil(SECONDS / hop);
    if (hop === this.#hop && bands === this.#ring.height && columns === this.#ring.width) return;
    this.#hop = hop;
    this.#ring.width = columns;
    this.#ring.height = bands;
    this.clear();
  }

  /** @param {number} t @returns {number} counted from the last message: rounding cannot add up */
  #columnAt(t) {
    if (!this.#anchor) return 0;
    const steps = Math.round((t - this.#anchor.t) / this.#hop);
    // Another clock, or a long silence: the old columns are not ten seconds away in either direction.
    if (Math.abs(steps) > 2 * this.#ring.width) {
      this.clear();
      return 0;
    }
    return this.#anchor.column + steps;
  }

  /**
   * Columns that were left out stay empty.
   * @param {number} last
   * @returns {boolean} false when it is too old to be shown
   */
  #makeRoom(last) {
    const columns = this.#ring.width;
    if (last <= this.#newest - columns) return false;
    const context = this.#ring.getContext("2d");
    for (let column = Math.max(this.#newest + 1, last - columns + 1); column <= last; column += 1) {
      context?.clearRect(this.#place(column), 0, 1, this.#ring.height);
    }
    this.#newest = Math.max(this.#newest, last);
    return true;
  }

  /** @param {number} column */
  #place(column) {
    const columns = this.#ring.width;
    return ((column % columns) + columns) % columns;
  }

  /**
   * @param {number} column
   * @param {Uint8Array} levels
   */
  #paint(column, levels) {
    const context = this.#ring.getContext("2d");
    if (!context) return;
    const image = context.createImageData(1, levels.length);
    levels.forEach((level, band) => {
      const at = (levels.length - 1 - band) * 4;
      image.data.set(COLOUR_MAP.subarray(level * 3, level * 3 + 3), at);
      image.data[at + 3] = 255;
    });
    context.putImageData(image, this.#place(column), 0);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ width: number, height: number, shift: number }} area
   */
  #drawColumns(context, { width, height, shift }) {
    const columns = this.#ring.width;
    if (this.#newest < 0) return;
    const step = width / columns;
    const oldest = this.#place(this.#newest + 1);
    context.save();
    context.beginPath();
    context.rect(LEFT, TOP, width, height);
    context.clip();
    context.imageSmoothingEnabled = false;
    /** @param {number} from @param {number} count @param {number} x */
    const part = (from, count, x) => {
      if (count) context.drawImage(this.#ring, from, 0, count, this.#ring.height, LEFT + x - shift, TOP, count * step, height);
    };
    part(oldest, columns - oldest, 0);
    part(0, oldest, (columns - oldest) * step);
    context.restore();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} height
   */
  #drawAxes(context, width, height) {
    const style = getComputedStyle(this.canvas);
    context.fillStyle = style.color;
    context.font = `11px ${style.fontFamily}`;
    context.textBaseline = "middle";
    context.textAlign = "right";
    const [low, high] = [this.#low / 1000, this.#high / 1000];
    const area = height - TOP - BOTTOM;
    const step = [0.5, 1, 2, 4, 8].find((each) => ((high - low) / each) * 16 < area) ?? 8;
    for (let kilohertz = Math.ceil(low / step) * step; high > low && kilohertz <= high; kilohertz += step) {
      const y = TOP + area * (1 - (kilohertz - low) / (high - low));
      context.fillText(String(kilohertz), LEFT - 8, Math.min(Math.max(y, TOP + 4), TOP + area - 4));
      context.fillRect(LEFT - 4, Math.min(y, TOP + area - 1), 4, 1);
    }
    context.textBaseline = "alphabetic";
    context.fillText("kHz", LEFT - 8, height - 4);
    context.textAlign = "center";
    for (const back of [8, 6, 4, 2]) context.fillText(t("−{n} s", { n: back }), width - (back / SECONDS) * (width - LEFT), height - 4);
    context.textAlign = "right";
    context.fillText(t("now"), width - 1, height - 4);
  }
}
