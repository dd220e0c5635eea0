/** Getting into a room and staying in it: join, control socket, publish, watch, and all of it again after a cut. */
import { ApiError, joinRoom } from "./api.js";
import { Control } from "./control.js";
import { Publisher } from "./publisher.js";
import { MediaSession } from "./whip.js";
import { t, told } from "../texts/texts.js";

/** @import { ClientMessage, ConnectionState, Entrant, Joined, ServerMessage } from "../types.js" */
/** @import { LocalMedia } from "./media.js" */
/** @import { Stay } from "./publisher.js" */

/** As many as can take part, whom who only watches sees all, and a screen. */
const VIDEO_SLOTS = 9;
const DISCONNECTED_MS = 3000;
/** Media that are not there by then do not get through, as far as a person can tell: agreeing takes up to 2 s before. */
const MEDIA_MS = 7000;
const QUIET_RETRY_MS = 30_000;
const BACKOFF_MS = [300, 700, 1500, 3000, 5000];
/** Code of the message that says that the host ended this stay, or did not let us in. */
const REMOVED = "removed";
/** WebSocket close code: the same participant has come in from elsewhere, and two pages must not fight over it. */
const REPLACED = 4409;

/**
 * @typedef {object} ConnectionListener
 * @property {(state: ConnectionState, detail: string, retrying: boolean) => void} onState retrying: worth showing a "Try now" button
 * @property {(message: ServerMessage) => void} onMessage
 * @property {(pc: RTCPeerConnection) => void} onWatching the new receiving connection, its transceivers have mids
 * @property {(reason: string) => void} onNotice
 */

export class Connection {
  /** @type {Joined | null} */ joined = null;
  /** @type {ConnectionState} */ state = "connecting";
  /** @type {MediaSession | null} */ watching = null;
  /** @type {Control | null} */ #control = null;
  /** @type {RTCPeerConnection[]} */ #pending = [];
  #generation = 0;
  #lostAt = 0;
  #tries = 0;
  #timer = 0;
  /** Media did not come through, and have not since. */ #blocked = false;

  /**
   * @param {Entrant} who
   * @param {LocalMedia | null} media null = watch only
   * @param {ConnectionListener} listener
   */
  constructor(who, media, listener) {
    this.who = who;
    this.media = media;
    this.listener = listener;
    this.publisher = new Publisher(this.#endpoint("whip"), media, listener.onNotice);
  }

  get publishing() {
    return this.publisher.session;
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
    this.media?.addEventListener("change", () => this.#mediaChanged());
    addEventListener("online", () => ["reconnecting", "blocked"].includes(this.state) && this.retry());
    void this.#establish(this.joined);
  }

  /** @param {ClientMessage} message */
  send(message) {
    this.#control?.send(message);
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
    this.#generation += 1;
    clearTimeout(this.#timer);
    const ended = Promise.all([this.watching?.end(), this.publishing?.end()]);
    if (unloading) this.#control?.close();
    // In this order, for whoever has left has no session to end.
    void ended.then(() => {
      this.#control?.close();
      this.#drop();
    });
  }

  /**
   * @param {Joined} joined
   * @param {string} token
   */
  #renew(joined, token) {
    this.joined = { ...joined, token };
    for (const session of [this.watching, this.publishing]) if (session) session.token = token;
  }

  /** Lets go of the media and the socket without leaving the room. */
  #drop() {
    this.#control?.abandon();
    this.watching?.drop();
    this.publisher.drop();
    this.watching = null;
    for (const pc of this.#pending.splice(0)) pc.close();
  }

  /** @param {Joined} joined */
  async #establish(joined) {
    const generation = ++this.#generation;
    this.#drop();
    const current = () => generation === this.#generation;
    try {
      const welcomed = new Promise((resolve, reject) => {
        this.#control = new Control(
          this.who.room,
          joined.token,
          joined.heartbeat,
          (message) => {
            if (message.type === "welcome") resolve(undefined);
            if (message.type === "token" && this.joined) this.#renew(this.joined, message.token);
            if (message.type === "error" && message.code === REMOVED) this.#removed(told(message.reason));
            else this.listener.onMessage(message);
          },
          (code, reason) => {
            this.#lost(generation, code, reason);
            reject(new Error(reason));
          },
        );
      });
      if (joined.waiting) {
        this.#state("waiting", t("Waiting to be let in"));
        await welcomed;
        if (!current()) return;
        this.#state("connecting", t("Connecting…"));
      }
      // The token may have been renewed while they waited.
      const stay = this.#stay(this.joined ?? joined, generation);
      await Promise.all([welcomed, this.#watch(stay), this.publisher.open(stay)]);
      if (current()) this.#awaitMedia(current);
    } catch (error) {
      if (current()) this.#failed(error);
    }
  }

  /**
   * The server has agreed; connected is who gets picture and sound.
   * @param {() => boolean} current
   */
  #awaitMedia(current) {
    const connections = [this.watching, this.publishing].flatMap((session) => (session ? [session.pc] : []));
    const look = () => {
      if (!current() || this.state === "connected" || !connections.every((pc) => pc.connectionState === "connected")) return;
      this.#tries = 0;
      this.#lostAt = 0;
      this.#blocked = false;
      this.#state("connected", t("Connected"));
      // Devices may have changed while the offer was under way.
      this.#mediaChanged();
    };
    for (const pc of connections) pc.addEventListener("connectionstatechange", look);
    look();
    setTimeout(() => {
      if (!current() || this.state === "connected") return;
      this.#blocked = true;
      this.#state("blocked", this.#whyBlocked(), true);
    }, MEDIA_MS);
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
    this.#generation += 1;
    clearTimeout(this.#timer);
    this.#state("removed", reason);
    this.#drop();
  }

  /** @param {Stay} stay */
  async #watch(stay) {
    const pc = stay.peer();
    pc.addTransceiver("audio", { direction: "recvonly" });
    for (let i = 0; i < VIDEO_SLOTS; i += 1) pc.addTransceiver("video", { direction: "recvonly" });
    const session = await MediaSession.open(this.#endpoint("whep"), stay.joined.token, pc);
    if (!stay.current()) return void session.end();
    this.watching = session;
    this.listener.onWatching(pc);
  }

  #mediaChanged() {
    this.publisher.update(
      () => (this.state === "connected" && this.joined ? this.#stay(this.joined, this.#generation) : null),
      (error) => this.#failed(error),
    );
  }

  /**
   * @param {Joined} joined
   * @param {number} generation
   * @returns {Stay}
   */
  #stay(joined, generation) {
    return {
      joined,
      peer: () => this.#peer(joined, generation),
      current: () => generation === this.#generation,
    };
  }

  /** @param {"whip" | "whep"} kind */
  #endpoint(kind) {
    return `/rooms/${encodeURIComponent(this.who.room)}/${kind}`;
  }

  /**
   * @param {Joined} joined
   * @param {number} generation
   * @returns {RTCPeerConnection} watched: its failure starts a reconnection
   */
  #peer(joined, generation) {
    const pc = new RTCPeerConnection({ iceServers: joined.ice_servers, bundlePolicy: "max-bundle" });
    this.#pending.push(pc);
    let timer = 0;
    let established = false;
    pc.addEventListener("connectionstatechange", () => {
      clearTimeout(timer);
      if (pc.connectionState === "connected") established = true;
      if (pc.connectionState === "failed") {
        this.#blocked ||= !established;
        this.#lost(generation, 0, "The media connection failed");
      }
      if (pc.connectionState === "disconnected")
        timer = setTimeout(() => this.#lost(generation, 0, "The media connection was cut"), DISCONNECTED_MS);
    });
    return pc;
  }

  /**
   * @param {number} generation of the connection that was lost
   * @param {number} code WebSocket close code, or 0
   * @param {string} reason
   */
  #lost(generation, code, reason) {
    if (generation !== this.#generation) return;
    if (code === REPLACED) this.#failed(new ApiError(409, t("You joined this call from another page.")));
    else this.#failed(new Error(reason));
  }

  /** @param {unknown} error */
  #failed(error) {
    if (this.state === "left" || this.state === "removed") return;
    this.#generation += 1;
    if (error instanceof ApiError && error.final) {
      this.#state("refused", error.message);
      this.#drop();
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
    clearTimeout(this.#timer);
    // Half of the wait is drawn by chance: a restarted server must not meet everyone at once.
    this.#timer = setTimeout(() => void this.#rejoin(), wait * (0.75 + 0.5 * Math.random()));
  }

  async #rejoin() {
    clearTimeout(this.#timer);
    const generation = ++this.#generation;
    try {
      const joined = await this.#join();
      if (generation !== this.#generation) return;
      this.joined = joined;
      await this.#establish(joined);
    } catch (error) {
      if (generation === this.#generation) this.#failed(error);
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
