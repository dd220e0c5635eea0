/** The sign that the call is recorded, for everybody; and for the host what begins and ends it, and the results. */
import { confirmed } from "../ui/confirm.js";
import { element, find } from "../ui/element.js";
import { toast } from "../ui/toasts.js";
import { dateAndTime } from "../texts/formats.js";
import { t, told } from "../texts/texts.js";

/** @import { Call } from "../call/call.js" */
/** @import { KeptRecording } from "../types.js" */

const LOOK_MS = 3000;
/** Addresses are good for an hour. */
const RENEW_MS = 20 * 60_000;

const SIGNS = { off: "", announced: t("Recording begins…"), on: t("Recording") };
const PROGRESS = { recording: t("being recorded"), making: t("being prepared"), ready: "", failed: t("could not be prepared") };

export class RecordingPanel {
  #sign = find("#status-recording", HTMLElement);
  #button = find("#record", HTMLButtonElement);
  #note = find("#recording-note", HTMLElement);
  #list = find("#recordings", HTMLElement);
  #timer = 0;
  #was = false;

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
    this.#button.addEventListener("click", () => void this.#toggle());
  }

  async #toggle() {
    const { recording } = this.call;
    if (recording.on) {
      recording.record(false);
      return;
    }
    const how = t(
      "Everybody is told before anything is recorded, and a sign stays on every page. Sound, pictures, what is said and what is written are kept on this server; only the host can get them.",
    );
    if (await confirmed(t("Record this call?"), how, t("Record"))) recording.record(true);
  }

  update() {
    const { state, on } = this.call.recording;
    if (this.#sign.textContent !== SIGNS[state.state]) this.#sign.textContent = SIGNS[state.state];
    if (on && !this.#was) toast(t("This call is being recorded."));
    if (!on && this.#was) toast(told(state.reason) || t("The recording has ended."), state.reason ? "error" : "info");
    this.#was = on;
    this.#button.hidden = !state.offered;
    this.#button.textContent = on ? t("End the recording") : t("Record the call…");
    this.#button.classList.toggle("danger", on);
    this.#note.textContent = state.offered ? "" : t("This server does not record calls.");
    this.#note.hidden = state.offered;
    if (state.offered && this.call.hosting.allowed) void this.#look();
  }

  async #look() {
    clearTimeout(this.#timer);
    /** @type {KeptRecording[]} */ let kept = [];
    try {
      kept = await this.call.recording.list();
      this.#list.replaceChildren(...kept.map(row));
    } catch {
      // Asked again below: what is shown stays.
    }
    clearTimeout(this.#timer);
    const waits = kept.some(({ progress }) => progress === "making" || progress === "recording");
    if (this.call.connection.state !== "left") this.#timer = setTimeout(() => void this.#look(), waits ? LOOK_MS : RENEW_MS);
  }
}

/** @param {KeptRecording} recording */
function row({ begun, progress, files, address }) {
  const name = element("span", { class: "host-name" }, when(begun));
  if (progress !== "ready") return element("li", {}, name, element("span", { class: "quiet" }, PROGRESS[progress]));
  const links = [["index.html", t("Open"), false], ["tracks.mkv", t("Download"), true]].map(([file, label, download]) =>
    files.includes(String(file))
      ? element("a", { class: "button small", href: `${address}${file}`, target: "_blank", rel: "noopener", download }, String(label))
      : "",
  );
  return element("li", {}, name, ...links);
}

/** @param {string} begun as in a recording's id, UTC */
function when(begun) {
  const [, year, month, day, hour, minute, second] = begun.match(/(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)/) ?? [];
  const moment = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return dateAndTime(moment);
}
