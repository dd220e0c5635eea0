/** The choice of what stands for oneself while the camera is off: on the join screen, and in the call. */
import { element, icon } from "../ui/element.js";
import { t } from "../texts/texts.js";

/** @import { LocalMedia } from "../call/media.js" */
/** @import { Made, PortraitWish } from "./wish.js" */

let choosers = 0;

/** @type {{ made: Made, name: string, words: string }[]} */
const CHOICES = [
  { made: "none", name: t("My initial"), words: "" },
  {
    made: "photo",
    name: t("A photo of me that speaks"),
    words: t("Its lips follow what you say. Everybody sees that it is made. Take a photo of yourself alone, with your eyes to the camera and your mouth closed."),
  },
  {
    made: "voice",
    name: t("A face drawn for my voice"),
    words: t("A face of plausible gender and age: not a likeness. It is drawn from your first ten seconds of speech in the call."),
  },
];

export class PortraitChooser {
  /** @type {Map<Made, HTMLInputElement>} */ #inputs = new Map();
  #name = `portrait-${(choosers += 1)}`;
  #take = element("button", { type: "button", class: "button small", "data-testid": "take-photo" }, t("Take the photo"));
  #photo = element("img", { class: "portrait-photo", alt: t("Your photo"), hidden: true });
  #said = element("span", { class: "quiet", role: "status" });
  #url = "";
  root;

  /**
   * @param {PortraitWish} wish
   * @param {LocalMedia} media
   */
  constructor(wish, media) {
    this.wish = wish;
    this.media = media;
    this.root = element(
      "fieldset",
      { class: "portrait-choice", "data-testid": "portrait-choice" },
      element("legend", {}, t("While my camera is off, the others see")),
      ...CHOICES.map((choice) => this.#choice(choice)),
      element("p", { class: "quiet" }, t("Nothing of it is kept beyond the call.")),
    );
    this.#take.addEventListener("click", () => void this.#photograph());
    wish.addEventListener("change", () => this.#show());
    media.addEventListener("change", () => this.#show());
    this.#show();
  }

  /** @param {{ made: Made, name: string, words: string }} choice */
  #choice({ made, name, words }) {
    const input = element("input", { type: "radio", name: this.#name, value: made });
    this.#inputs.set(made, input);
    // A photo is wished for by taking it.
    input.addEventListener("change", () => (made === "photo" ? this.#show() : this.wish.choose(made)));
    const label = element("label", {}, input, element("span", {}, name));
    const more = made === "photo" ? [element("span", { class: "portrait-taking" }, this.#photo, this.#take, this.#said)] : [];
    return element("div", { class: "portrait-one" }, label, ...(words ? [element("p", { class: "quiet" }, words)] : []), ...more);
  }

  async #photograph() {
    this.#said.textContent = "";
    if (!(await this.wish.take(this.media))) this.#said.textContent = t("There is no picture of the camera.");
  }

  #show() {
    const { wish, media } = this;
    const photo = this.#inputs.get("photo");
    const taking = !!photo?.checked && wish.made === "none" && !wish.photo;
    if (!taking) for (const [made, input] of this.#inputs) input.checked = made === wish.made;
    for (const [made, input] of this.#inputs) input.closest(".portrait-one")?.classList.toggle("chosen", input.checked && made !== "none");
    this.#take.disabled = !media.tracks.video;
    this.#take.replaceChildren(icon("picture"), wish.photo ? t("Take it again") : t("Take the photo"));
    this.#said.textContent = media.tracks.video ? "" : t("Turn your camera on for the photo.");
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = wish.photo ? URL.createObjectURL(wish.photo) : "";
    this.#photo.hidden = !wish.photo;
    if (this.#url) this.#photo.src = this.#url;
  }
}
