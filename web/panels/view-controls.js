/** The controls of what is shown of the server's findings. */
import { find } from "../ui/element.js";
import { t } from "../texts/texts.js";

/** @import { View, ViewSettings } from "../ui/view-settings.js" */

const SWITCHES = /** @type {const} */ (["captions", "heat", "tags", "scene", "readScenes", "readLines", "keys"]);

/** @param {ViewSettings} settings */
export function bindViewControls(settings) {
  const opacity = find("#view-opacity", HTMLInputElement);
  const text = find("#view-textSize", HTMLSelectElement);
  const size = find("#view-captionSize", HTMLSelectElement);
  const style = find("#view-captionStyle", HTMLSelectElement);
  const switches = SWITCHES.map((name) => ({ name, box: find(`#view-${name}`, HTMLInputElement) }));
  for (const { name, box } of switches) {
    box.addEventListener("change", () => settings.set({ [name]: box.checked }));
  }
  opacity.addEventListener("input", () => settings.set({ opacity: Number(opacity.value) / 100 }));
  text.addEventListener("change", () => settings.set({ textSize: Number(text.value) }));
  size.addEventListener("change", () => settings.set({ captionSize: Number(size.value) }));
  style.addEventListener("change", () => settings.set({ captionStyle: /** @type {View["captionStyle"]} */ (style.value) }));
  const show = () => {
    const { now } = settings;
    for (const { name, box } of switches) box.checked = now[name];
    opacity.value = String(Math.round(now.opacity * 100));
    opacity.setAttribute("aria-valuetext", t("{n} percent", { n: Number(opacity.value) }));
    opacity.style.setProperty("--part", `${((Number(opacity.value) - 10) / 90) * 100}%`);
    text.value = String(now.textSize);
    // Sizes of letters are in rem all over the page.
    document.documentElement.style.fontSize = now.textSize === 1 ? "" : `${now.textSize * 100}%`;
    document.documentElement.classList.toggle("large-text", now.textSize > 1);
    size.value = String(now.captionSize);
    style.value = now.captionStyle;
  };
  settings.addEventListener("change", show);
  show();
}
