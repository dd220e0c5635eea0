/** Getting into a room and staying in it: join, make a stay, and another one after a cut or when the room moves. */
import { ApiError, joinRoom } from "./api.js";
import { coming } from "./coming.js";
import { Move } from "./move.js";
import { Stay } from "./stay.js";
import { t, told } from "../texts/texts.js";

/** @import { ClientMessage, ConnectionState, Entrant, Joined, ServerMessage, Slot } from "../types.js" */
/** @import { LocalMedia } from "./media.js" */
/** @import { StayListener } from "./stay.js" */

const QUIET_RETRY_MS = 30_000;
const BACKOFF_MS = [300, 700, 1500, 3000, 5000];
/** For which we are in both places when a room moves: the others come over at the same time, not at once. */
const TOGETHER_MS = 2000;
/** Code of the message that says that the host ended this stay, or did not let us in. */
const REMOVED = "removed";
/** Of a stay of the past. */
const nothing = () => undefined;
const SILENT = { onMessage: nothing, onWaiting: nothing, onWatching: nothing, onConnected: nothing, onBlocked: nothing, onLost: nothing, onNotice: nothing };

/**
 * @typedef {object} ConnectionListener
 * @property {(state: ConnectionState, detail: string, retrying: boolean) => void} onState retrying: worth showing a "Try now" button
 * @property {(message: ServerMessage) => void} onMessage
 * @property {() => void} onWatching the receiving connection is new, its transceivers have mids
 * @property {(reason: string) => void} onNotice
 * @property {() => Slot[]} slots whose picture is where
 * @property {() => void} onMoved another server has the call, and says next how it is there
 */

export class Connection {
  /** @type {Joined | null} */ joined = null;
  /** @type {ConnectionState} */ state = "connecting";
  /** @type {Stay | null} */ #stay = null;
  /** @type {Move | null} */ #move = null;
  /** @type {Stay | null} where we were before a move, for a moment */ #past = null;
  /** Of the newest attempt to join. */ #attempt = 0;
  #lostAt = 0;
  #tries = 0;
  #timer = 0;
  /** Media did not come through, and have not since. */ #blocked = false;
  /** @type {StayListener} */ #told = {
    onMessage: (message) => this.#receive(message),
    onWaiting: (waiting) => (waiting ? this.#state("waiting", t("Waiting to be let in")) : this.#state("connecting", t("Connecting…"))),
    onWatching: () => this.listener.onWatching(),
    onConnected: () => this.#connected(),
    onBlocked: () => {
      this.#blocked = true;
      this.#state("blocked", this.#whyBlocked(), true);
    },
    onLost: (error, blocked) => {
      this.#blocked ||= blocked;
      this.#failed(error);
    },
    onNotice: (reason) => this.listener.onNotice(reason),
  };

  /**
   * @param {Entrant} who
   * @param {LocalMedia | null} media null = watch only
   * @param {ConnectionListener} listener
   */
  constructor(who, media, listener) {
    this.who = who;
    this.media = media;
    this.listener = listener;
  }

  get watching() {
    return this.#stay?.watching ?? null;
  }

  get publishing() {
    return this.#stay?.publisher.session ?? null;
  }

  /**
   * Asks to be let in; `start` is next.
   * @throws {ApiError | TypeError} when the server refuses or is not reached
   */
  async open() {
    this.joined = await this.#join();
  }

  /** The first connection, after `open`. Later ones happen by themselves. */
  start() {
    if (!this.joined) throw new Error("not let in yet");
    this.media?.addEventListener("change", () => {
      this.#stay?.mediaChanged();
      this.#move?.mediaChanged();
    });
    addEventListener("online", () => ["reconnecting", "blocked"].includes(this.state) && this.retry());
    this.#establish(this.joined);
  }

  /** @param {ClientMessage} message */
  send(message) {
    this.#stay?.send(message);
    this.#move?.send(message);
  }

  /** Tries again now, also after the server refused. */
  retry() {
    if (this.state === "refused" && this.joined) this.joined = { ...this.joined, resume: "" };
    this.#tries = 0;
    this.#lostAt = performance.now();
    this.#state("reconnecting", t("Reconnecting…"));
    void this.#rejoin();
  }

  /**
   * Leaves for good.
   * @param {boolean} [unloading] the page goes away: nothing can be waited for
   */
  close(unloading = false) {
    if (this.state === "left" || this.state === "removed") return;
    this.#state("left", t("You left the call"));
    this.#quiet();
    this.#stay?.leave(unloading);
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    if (message.type === "token" && this.#stay) this.joined = this.#stay.joined;
    if (message.type === "moved") this.#goOver(message.heard);
    else if (message.type === "error" && message.code === REMOVED) this.#removed(told(message.reason));
    else this.listener.onMessage(message);
  }

  /**
   * The call goes on at another server: where it is now is left when it is there.
   * @param {number} heard messages of ours that are known there
   */
  #goOver(heard) {
    if (this.state !== "connected") return void this.#rejoin();
    this.#move ??= new Move(this.who.room, this.media, this.#stay?.said(heard) ?? [], {
      join: () => this.#join(),
      coming: () => coming(this.watching?.pc, this.listener.slots()),
      onArrived: (stay, messages) => {
        this.#move = null;
        this.#past?.drop();
        const past = (this.#past = this.#stay);
        if (past) past.listener = SILENT;
        setTimeout(() => past?.drop(), TOGETHER_MS);
        this.#stay = stay;
        this.joined = stay.joined;
        stay.listener = this.#told;
        this.listener.onMoved();
        for (const message of messages) this.#receive(message);
      },
    });
  }

  /** Ends what is under way, and the past; the stay remains. */
  #quiet() {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#move?.cancel();
    this.#move = null;
    this.#past?.drop();
    this.#past = null;
  }

  /** @param {Joined} joined */
  #establish(joined) {
    this.#quiet();
    this.#stay?.drop();
    this.joined = joined;
    this.#stay = new Stay(this.who.room, joined, this.media, this.#told);
    void this.#stay.open();
  }

  #connected() {
    this.#tries = 0;
    this.#lostAt = 0;
    this.#blocked = false;
    this.#state("connected", t("Connected"));
  }

  #whyBlocked() {
    const urls = this.joined?.ice_servers.flatMap((server) => server.urls) ?? [];
    const turn = urls.some((url) => /^turns?:/.test(url));
    return turn
      ? t("Picture and sound do not get through, not even by the TURN server. Try another network, or tell whoever runs this server.")
      : t("Picture and sound do not get through: this network lets no UDP pass. Try another one, or ask whoever runs this server for a TURN server.");
  }

  /** @param {string} reason the host has ended this stay: nothing is tried again */
  #removed(reason) {
    this.#quiet();
    this.#state("removed", reason);
    this.#stay?.drop();
  }

  /** @param {unknown} error */
  #failed(error) {
    if (this.state === "left" || this.state === "removed") return;
    this.#quiet();
    if (error instanceof ApiError && error.final) {
      this.#state("refused", error.message);
      this.#stay?.drop();
      return;
    }
    this.#lostAt ||= performance.now();
    const long = performance.now() - this.#lostAt > QUIET_RETRY_MS;
    // A server that answers says why: the room is full, or it is too busy.
    const answer = error instanceof ApiError ? ` ${error.message}` : "";
    // Who was told why they see nothing is not told anything vaguer at each further try.
    if (this.#blocked && !answer) this.#state("blocked", this.#whyBlocked(), true);
    else this.#state("reconnecting", (long ? t("Still trying to reconnect…") : t("Reconnecting…")) + answer, long || !!answer);
    const wait = BACKOFF_MS[Math.min(this.#tries, BACKOFF_MS.length - 1)] ?? 5000;
    this.#tries += 1;
    // Half of the wait is drawn by chance: a restarted server must not meet everyone at once.
    this.#timer = setTimeout(() => void this.#rejoin(), wait * (0.75 + 0.5 * Math.random()));
  }

  async #rejoin() {
    this.#quiet();
    const attempt = this.#attempt;
    try {
      const joined = await this.#join();
      if (attempt === this.#attempt) this.#establish(joined);
    } catch (error) {
      if (attempt === this.#attempt) this.#failed(error);
    }
  }

  /** @returns {Promise<Joined>} as the same participant while the server still knows them, else as a new one */
  async #join() {
    const { room, ...who } = this.who;
    const resume = this.joined?.resume;
    return joinRoom(room, resume ? { ...who, resume } : who);
  }

  /**
   * @param {ConnectionState} state
   * @param {string} detail
   * @param {boolean} [retrying]
   */
  #state(state, detail, retrying = false) {
    if (this.state === "left" || this.state === "removed") return;
    this.state = state;
    this.listener.onState(state, detail, retrying);
  }
}
