/** What a browser has to have for a call, and what one that lacks it is told instead of an error. */
import { find } from "../ui/element.js";
import { list } from "../texts/formats.js";
import { t } from "../texts/texts.js";

/** @returns {string[]} what this browser lacks, in words for people */
function missing() {
  /** @type {[string, boolean][]} */
  const needed = [
    [t("WebRTC, which carries picture and sound (it may be switched off: in Firefox by media.peerconnection.enabled)"), "RTCPeerConnection" in window],
    [t("menus that open over the page (popover)"), "popover" in HTMLElement.prototype],
  ];
  return needed.filter(([, there]) => !there).map(([what]) => what);
}

/** @returns {boolean} whether it is told, for there is something missing */
export function showUnsupported() {
  const lacking = missing();
  find("#unsupported", HTMLElement).hidden = !lacking.length;
  find("#unsupported-lacks", HTMLElement).textContent = t("This one lacks: {what}.", { what: list(lacking) });
  return lacking.length > 0;
}
