/** A call that goes on at another server: a second stay is made beside the first, and is the call's when it has as much. */
import { coming } from "./coming.js";
import { Stay } from "./stay.js";

/** @import { ClientMessage, Joined, ServerMessage } from "../types.js" */
/** @import { Coming } from "./coming.js" */
/** @import { LocalMedia } from "./media.js" */

const LOOK_MS = 50;
const AGAIN_MS = 500;
/** What the others send may come so much later than the connection: whose programs take longer are seen again later. */
const PATIENCE_MS = 8000;
/** A person says little in a second; whatever it is that says more need not be heard. */
const MOST_SAID = 100;

/**
 * @typedef {object} Mover
 * @property {() => Promise<Joined>} join
 * @property {() => Coming} coming by the stay that there is
 * @property {(stay: Stay, messages: ServerMessage[]) => void} onArrived what the server said until now, which nobody has heard
 */

export class Move {
  /** @type {Stay | null} */ #stay = null;
  /** @type {ServerMessage[]} */ #heard = [];
  /** @type {ClientMessage[]} */ #unsaid = [];
  #welcomed = false;
  #connectedAt = 0;
  #timer = 0;
  #over = false;

  /**
   * @param {string} room
   * @param {LocalMedia | null} media null = watch only
   * @param {ClientMessage[]} unsaid what the new place does not know
   * @param {Mover} mover
   */
  constructor(room, media, unsaid, mover) {
    this.#unsaid = unsaid;
    this.room = room;
    this.media = media;
    this.mover = mover;
    void this.#try();
  }

  /** @param {ClientMessage} message is said in the old place too, where some still are */
  send(message) {
    if (this.#welcomed) this.#stay?.send(message);
    else this.#unsaid = [...this.#unsaid, message].slice(-MOST_SAID);
  }

  /** Gives up: the stay that there is has been lost, or left. */
  cancel() {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    this.#stay?.drop();
  }

  mediaChanged() {
    this.#stay?.mediaChanged();
  }

  async #try() {
    try {
      const joined = await this.mover.join();
      if (this.#over) return;
      this.#heard = [];
      this.#welcomed = false;
      this.#stay = new Stay(this.room, joined, this.media, {
        onMessage: (message) => this.#receive(message),
        onWaiting: () => undefined,
        onWatching: () => undefined,
        onConnected: () => this.#connected(),
        onBlocked: () => this.cancel(),
        onLost: () => this.#again(),
        onNotice: () => undefined,
      });
      await this.#stay.open();
    } catch {
      this.#again();
    }
  }

  /** The old place tells the end: until then there is time to get to the new one. */
  #again() {
    this.#stay?.drop();
    this.#stay = null;
    clearInterval(this.#timer);
    if (!this.#over) setTimeout(() => !this.#over && void this.#try(), AGAIN_MS);
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    this.#heard.push(message);
    if (message.type !== "welcome") return;
    this.#welcomed = true;
    for (const unsaid of this.#unsaid.splice(0)) this.#stay?.send(unsaid);
  }

  #connected() {
    this.#connectedAt = performance.now();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  #look() {
    if (!this.#stay || (!this.#complete(this.#stay) && performance.now() - this.#connectedAt < PATIENCE_MS)) return;
    this.#over = true;
    clearInterval(this.#timer);
    this.mover.onArrived(this.#stay, inOrder(this.#heard));
  }

  /** @param {Stay} stay @returns {boolean} whether all that comes by the old stay comes by the new one */
  #complete(stay) {
    const slots = this.#heard.filter((message) => message.type === "slots").at(-1)?.slots ?? [];
    const there = coming(stay.watching?.pc, slots);
    const here = this.mover.coming();
    return [...here.pictures].every((participant) => there.pictures.has(participant)) && (there.sound || !here.sound);
  }
}

/**
 * @param {ServerMessage[]} heard since the connection was made
 * @returns {ServerMessage[]} the same as if all had come over at once: who was not there yet has not left the call
 */
export function inOrder(heard) {
  const welcome = heard.find((message) => message.type === "welcome");
  if (!welcome) return heard;
  const room = heard.filter((message) => message.type === "room").at(-1)?.room ?? welcome.room;
  const { gains, muted, focus } = heard.filter((message) => message.type === "faders").at(-1) ?? welcome.faders;
  const slots = heard.filter((message) => message.type === "slots").at(-1);
  const rest = heard.filter(({ type }) => !["welcome", "room", "faders", "slots"].includes(type));
  // Before tiles are made for the room it is known where their pictures are.
  return [...(slots ? [slots] : []), { ...welcome, room, faders: { gains, muted, focus } }, ...rest];
}
