/** What of the server's findings is shown, and how; kept for the next call. */

const KEY = "earshot.view";

/**
 * @typedef {object} View
 * @property {"gallery" | "speaker"} layout
 * @property {boolean} captions
 * @property {boolean} heat
 * @property {boolean} tags
 * @property {boolean} scene
 * @property {boolean} readScenes the server reads what a camera sees aloud while nobody speaks
 * @property {boolean} readLines new lines of the transcript are read by screen readers
 * @property {boolean} keys single letters do something
 * @property {number} opacity of the heat-map, 0.1..1
 * @property {number} textSize of the whole page, 1 is the plain size
 * @property {number} captionSize 1 is the plain size
 * @property {"shaded" | "solid" | "outlined"} captionStyle
 */

/** @type {Readonly<View>} */
const DEFAULTS = {
  layout: "gallery",
  captions: true,
  heat: false,
  tags: true,
  scene: true,
  readScenes: false,
  readLines: true,
  keys: true,
  opacity: 0.7,
  textSize: 1,
  captionSize: 1,
  captionStyle: "shaded",
};

/** @typedef {{ [K in keyof View]: (value: unknown) => value is View[K] }} Checks */

/** @param {unknown} value @returns {value is boolean} */
const yesOrNo = (value) => typeof value === "boolean";
/** @param {number} low @param {number} high @returns {(value: unknown) => value is number} */
const within = (low, high) => /** @returns {value is number} */ (value) => typeof value === "number" && value >= low && value <= high;

/** @type {Checks} */
const CHECKS = {
  layout: /** @returns {value is View["layout"]} */ (value) => value === "gallery" || value === "speaker",
  captions: yesOrNo,
  heat: yesOrNo,
  tags: yesOrNo,
  scene: yesOrNo,
  readScenes: yesOrNo,
  readLines: yesOrNo,
  keys: yesOrNo,
  opacity: within(0.1, 1),
  textSize: within(1, 2),
  captionSize: within(0.5, 3),
  captionStyle: /** @returns {value is View["captionStyle"]} */ (value) => ["shaded", "solid", "outlined"].includes(String(value)),
};

/** @returns {View} what was kept, each entry only where it makes sense */
function remembered() {
  /** @type {Record<string, unknown>} */
  let kept = {};
  try {
    const parsed = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (parsed && typeof parsed === "object") kept = parsed;
  } catch {
    // storage may be forbidden, or hold something else
  }
  const good = Object.entries(CHECKS).filter(([name, check]) => check(kept[name]));
  return { ...DEFAULTS, ...Object.fromEntries(good.map(([name]) => [name, kept[name]])) };
}

/** Tells of changes by the event "change". */
export class ViewSettings extends EventTarget {
  /** @type {Readonly<View>} */ now = remembered();

  /** @param {Partial<View>} changes */
  set(changes) {
    this.now = { ...this.now, ...changes };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.now));
    } catch {
      // then they hold until the page is left
    }
    this.dispatchEvent(new Event("change"));
  }
}
