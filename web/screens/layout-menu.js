/** The button that says how the tiles stand, and its key. */
import { find } from "../ui/element.js";
import { Menu } from "../ui/menu.js";
import { BRIEF_MS, toast } from "../ui/toasts.js";
import { t } from "../texts/texts.js";

/** @import { Tiles } from "../tile/tiles.js" */
/** @import { MenuItem } from "../ui/menu.js" */

export class LayoutMenu {
  #menu = new Menu(t("Layout"), "layout-menu");

  /** @param {Tiles} tiles */
  constructor(tiles) {
    this.tiles = tiles;
    const button = find("#layout-button", HTMLButtonElement);
    button.addEventListener("click", () => this.#menu.open(button, this.#items()));
  }

  /** From one to the other, as the key does. */
  toggle() {
    const { settings } = this.tiles;
    const layout = settings.now.layout === "gallery" ? "speaker" : "gallery";
    settings.set({ layout });
    this.tiles.pin(null);
    toast(layout === "gallery" ? t("Gallery: everyone alike") : t("Speaker: large is who talks"), "info", BRIEF_MS);
  }

  /** @returns {MenuItem[]} */
  #items() {
    const { settings, pinned } = this.tiles;
    const { layout } = settings.now;
    /** @type {MenuItem[]} */
    const items = [
      { name: t("Gallery: everyone alike"), checked: layout === "gallery", act: () => settings.set({ layout: "gallery" }) },
      { name: t("Speaker: large is who talks"), checked: layout === "speaker", act: () => settings.set({ layout: "speaker" }) },
    ];
    if (pinned) items.push({ name: t("Unpin"), icon: "pin", act: () => this.tiles.pin(null) });
    if (document.fullscreenElement) items.push({ name: t("Leave the full screen"), icon: "fullscreen", act: () => void document.exitFullscreen() });
    else if (document.fullscreenEnabled) items.push({ name: t("Full screen"), icon: "fullscreen", act: () => void document.documentElement.requestFullscreen() });
    return items;
  }
}
