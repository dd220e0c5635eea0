/** The report of a recording: picture and voices play in step, the transcript follows and leads. */
import { catalogue, firstOf, languageOf } from "../texts/catalogue.js";
import { translate } from "../texts/translate.js";
import { letterOf } from "../ui/keys.js";

/** Seconds by which a voice may be off before it is brought back at once, and before it runs a little faster or slower. */
const FAR = 0.25;
const NEAR = 0.02;
const CORRECTION = 0.05;

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} [root]
 * @returns {T}
 */
function find(selector, kind, root = document) {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The report has no ${selector}`);
  return found;
}

/** @param {number} seconds */
function clock(seconds) {
  const whole = Math.floor(Math.max(0, seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${parts.join(":")}` : parts.join(":").replace(/^0/, "");
}

const language = languageOf(new URLSearchParams(location.search).get("lang")) ?? firstOf(navigator.languages);
/** @type {Record<string, Record<string, string>>} by language */
const entries = JSON.parse(find("#texts", HTMLScriptElement).textContent ?? "{}");
const known = entries[language] ?? {};
const { t, told } = catalogue(language, known, Object.keys(known));
const names = new Intl.ListFormat(language);
document.documentElement.lang = language;
if (language !== "en") {
  translate(document, told);
  for (const sound of document.querySelectorAll(".line.sound span")) {
    sound.textContent = (sound.textContent ?? "").replace(/[^[\],\s][^[\],]*/g, (name) => told(name));
  }
}

const main = find("main", HTMLElement);
const duration = Number(main.dataset.duration);
const soundBegins = Number(main.dataset.soundBegins);
const video = /** @type {HTMLVideoElement | null} */ (document.querySelector("video"));
const playButton = find("#play", HTMLButtonElement);
const playText = find("#play-text", HTMLElement);
const seekSlider = find("#seek", HTMLInputElement);
const timeShown = find("#time", HTMLElement);
const subtitlesButton = find("#subtitles", HTMLButtonElement);
const everyoneButton = find("#everyone", HTMLButtonElement);
const hearing = find("#hearing", HTMLElement);
const problem = find("#problem", HTMLElement);
const playhead = find("#playhead", HTMLElement);

/** One speaker's row: its sound, its fader, its part of the timeline. */
class Voice {
  /** @param {HTMLElement} row */
  constructor(row) {
    this.row = row;
    this.name = find("h2", HTMLElement, row).textContent?.trim() ?? "";
    this.sound = find("audio", HTMLAudioElement, row);
    this.fader = find("input", HTMLInputElement, row);
    this.solo = find("button", HTMLButtonElement, row);
    this.line = find("svg", SVGSVGElement, row);
  }

  get alone() {
    return this.solo.getAttribute("aria-pressed") === "true";
  }

  set alone(on) {
    this.solo.setAttribute("aria-pressed", String(on));
  }
}

const voices = [...document.querySelectorAll(".voice")].map((row) => new Voice(/** @type {HTMLElement} */ (row)));
const lines = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("button.line")]);
const starts = lines.map((line) => Number(line.dataset.start));
/** What tells the time: the picture, or else the first voice. */
const master = video ?? voices[0]?.sound;
const masterBegins = video ? 0 : soundBegins;
let wanted = false;

const now = () => (master ? master.currentTime + masterBegins : 0);

/** Whether the recording's own sound is heard, whole, instead of the voices. */
function asRecorded() {
  return video !== null && voices.every((voice) => !voice.alone && voice.fader.value === "100");
}

/** @param {Voice} voice */
function loudness(voice) {
  if (voices.some((one) => one.alone) && !voice.alone) return 0;
  return Number(voice.fader.value) / 100;
}

/** Bring every voice to where the picture is, and to its fader. */
function keepStep() {
  const whole = asRecorded();
  const t = now();
  if (video) video.muted = !whole;
  for (const voice of voices) {
    const { sound } = voice;
    sound.volume = whole ? 0 : loudness(voice);
    if (sound === master) continue;
    const at = t - soundBegins;
    const sounding = wanted && !whole && at >= 0 && !(master?.paused ?? true) && at < (sound.duration || Infinity);
    const off = sound.currentTime - at;
    if (sounding && Math.abs(off) <= FAR) {
      sound.playbackRate = Math.abs(off) <= NEAR ? 1 : 1 - Math.sign(off) * CORRECTION;
    } else if (at >= 0 && Math.abs(off) > FAR && !sound.seeking) {
      sound.currentTime = at;
    }
    if (sounding && sound.paused) sound.play().catch(tell);
    else if (!sounding && !sound.paused) sound.pause();
  }
}

/** @param {unknown} error */
function tell(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  problem.textContent = t("This cannot be played here: {reason}", { reason: error instanceof Error ? error.message : String(error) });
}

function showMix() {
  const whole = asRecorded();
  const alone = voices.filter((voice) => voice.alone).map((voice) => voice.name);
  for (const voice of voices) voice.row.classList.toggle("unheard", loudness(voice) === 0);
  const mixed = voices.some((voice) => voice.alone || voice.fader.value !== "100");
  everyoneButton.hidden = !mixed;
  const all = whole ? t("You hear the recording's own sound.") : t("You hear all voices together.");
  const own = mixed ? t("You hear your own mix.") : all;
  hearing.textContent = alone.length ? t("You hear only {names}.", { names: names.format(alone) }) : own;
  keepStep();
}

/** @returns {number} index of the line that is being said, -1 before the first */
function currentLine(/** @type {number} */ t) {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= t + 0.01) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

let shown = -1;

function showTime() {
  const at = now();
  const index = currentLine(at);
  if (index !== shown) {
    lines[shown]?.removeAttribute("aria-current");
    const line = lines[index];
    line?.setAttribute("aria-current", "true");
    const list = line?.closest("ol");
    // Whoever is reading there is not pulled away.
    if (line && list && !list.matches(":hover, :focus-within")) {
      list.scrollTop = line.offsetTop - list.offsetTop - list.clientHeight / 3;
    }
    shown = index;
  }
  if (document.activeElement !== seekSlider || wanted) seekSlider.value = String(at);
  seekSlider.setAttribute("aria-valuetext", t("{time} of {length}", { time: clock(at), length: clock(duration) }));
  timeShown.textContent = `${clock(at)} / ${clock(duration)}`;
  const bar = voices[0]?.line.getBoundingClientRect();
  playhead.hidden = !bar || duration <= 0;
  if (bar) {
    const left = playhead.parentElement?.getBoundingClientRect().left ?? 0;
    playhead.style.left = `${bar.left - left + (bar.width * Math.min(at, duration)) / (duration || 1)}px`;
  }
}

/** @param {number} t */
function seek(t) {
  if (!master) return;
  master.currentTime = Math.min(Math.max(0, t - masterBegins), duration);
  keepStep();
  showTime();
}

function showPlaying() {
  playButton.setAttribute("aria-pressed", String(wanted));
  playText.textContent = wanted ? t("Pause") : t("Play");
  find("span", HTMLElement, playButton).textContent = wanted ? "❚❚" : "▶";
}

/** @param {boolean} on */
function play(on) {
  if (!master) return;
  wanted = on;
  problem.textContent = "";
  if (on) {
    if (now() >= duration - 0.05) seek(0);
    master.play().then(keepStep, (error) => {
      wanted = false;
      showPlaying();
      tell(error);
    });
  } else master.pause();
  keepStep();
  showPlaying();
}

/** @param {boolean} on */
function showSubtitles(on) {
  const track = video?.textTracks[0];
  if (track) track.mode = on ? "showing" : "hidden";
  subtitlesButton.setAttribute("aria-pressed", String(on));
}

function addSubtitles() {
  if (!video) return;
  const track = video.addTextTrack("captions", t("Subtitles"));
  /** @type {[number, number, string, number, number, number][]} */
  const cues = JSON.parse(find("#cues", HTMLScriptElement).textContent ?? "[]");
  for (const [start, end, text, position, line, size] of cues) {
    const cue = new VTTCue(start, end, text);
    Object.assign(cue, { snapToLines: false, position, line, size });
    track.addCue(cue);
  }
  showSubtitles(subtitlesButton.getAttribute("aria-pressed") === "true");
}

function everyone() {
  for (const voice of voices) {
    voice.alone = false;
    voice.fader.value = "100";
  }
  showMix();
}

/** @param {number} index */
function focusLine(index) {
  const line = lines[Math.min(Math.max(0, index), lines.length - 1)];
  if (!line) return;
  for (const one of lines) one.tabIndex = one === line ? 0 : -1;
  line.focus();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const target = event.target instanceof Element ? event.target : null;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const letter = letterOf(event);
  const index = lines.indexOf(/** @type {HTMLButtonElement} */ (target));
  const inControl = target?.matches("button, input, a") ?? false;
  if (event.key === " " && (!inControl || target?.matches("input"))) play(!wanted);
  else if (event.key === "ArrowDown" && !target?.matches("input")) focusLine(index < 0 ? Math.max(0, shown) : index + 1);
  else if (event.key === "ArrowUp" && !target?.matches("input")) focusLine(index < 0 ? Math.max(0, shown) : index - 1);
  else if (event.key === "ArrowRight" && (target === seekSlider || !target?.matches("input"))) seek(now() + 5);
  else if (event.key === "ArrowLeft" && (target === seekSlider || !target?.matches("input"))) seek(now() - 5);
  else if (letter === "s" && !subtitlesButton.hidden) subtitlesButton.click();
  else if (letter === "a") everyone();
  else return;
  event.preventDefault();
}

for (const voice of voices) {
  voice.fader.addEventListener("input", showMix);
  voice.solo.addEventListener("click", () => {
    voice.alone = !voice.alone;
    showMix();
  });
  voice.line.addEventListener("click", (event) => {
    const bar = voice.line.getBoundingClientRect();
    seek(((event.clientX - bar.left) / bar.width) * duration);
  });
  voice.sound.addEventListener("error", () => tell(t("{name} cannot be read", { name: voice.name })));
}
lines.forEach((line, index) => {
  line.tabIndex = index ? -1 : 0;
  line.addEventListener("click", () => {
    focusLine(index);
    seek(starts[index]);
  });
});
seekSlider.addEventListener("input", () => seek(Number(seekSlider.value)));
playButton.addEventListener("click", () => play(!wanted));
subtitlesButton.addEventListener("click", () => showSubtitles(subtitlesButton.getAttribute("aria-pressed") !== "true"));
everyoneButton.addEventListener("click", everyone);
document.addEventListener("keydown", onKey);

if (master) {
  playButton.disabled = false;
  master.addEventListener("ended", () => play(false));
  master.addEventListener("seeked", keepStep);
  if (video) {
    video.addEventListener("click", () => play(!wanted));
    video.addEventListener("error", () => tell(t("the picture cannot be read")));
  }
}
addSubtitles();
showMix();
showPlaying();

function follow() {
  if (wanted) keepStep();
  showTime();
  requestAnimationFrame(follow);
}
follow();

export {};
