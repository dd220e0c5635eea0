/** One connection to the room: control socket, what is received and what is sent; lost, or dropped, as a whole. */
import { ApiError } from "./api.js";
import { Control } from "./control.js";
import { Publisher } from "./publisher.js";
import { MediaSession } from "./whip.js";
import { t } from "../texts/texts.js";

/** @import { ClientMessage, Joined, ServerMessage } from "../types.js" */
/** @import { LocalMedia } from "./media.js" */

/** As many as can take part, whom who only watches sees all, and a screen. */
const VIDEO_SLOTS = 9;
const DISCONNECTED_MS = 3000;
/** Media that are not there by then do not get through, as far as a person can tell: agreeing takes up to 2 s before. */
const MEDIA_MS = 7000;
/** WebSocket close code: the same participant has come in from elsewhere, and two pages must not fight over it. */
const REPLACED = 4409;

/**
 * What becomes of a stay; nothing is told after it was dropped, or lost.
 * @typedef {object} StayListener
 * @property {(message: ServerMessage) => void} onMessage
 * @property {(waiting: boolean) => void} onWaiting the host has to let us in, or has
 * @property {() => void} onWatching the receiving connection's transceivers have mids
 * @property {() => void} onConnected picture and sound have their ways
 * @property {() => void} onBlocked they have not got through in time; they still may
 * @property {(error: unknown, blocked: boolean) => void} onLost blocked: media never got through
 * @property {(reason: string) => void} onNotice
 */

export class Stay {
  /** @type {MediaSession | null} */ watching = null;
  /** @type {Control | null} */ #control = null;
  /** @type {RTCPeerConnection[]} */ #peers = [];
  #live = true;
  #connected = false;
  #timer = 0;

  /**
   * @param {string} room
   * @param {Joined} joined
   * @param {LocalMedia | null} media null = watch only
   * @param {StayListener} listener
   */
  constructor(room, joined, media, listener) {
    this.room = room;
    this.joined = joined;
    this.listener = listener;
    this.publisher = new Publisher(this.#endpoint("whip"), media, listener.onNotice);
  }

  /** Whether it is neither lost nor dropped. */
  get live() {
    return this.#live;
  }

  /** Makes all of it. */
  async open() {
    try {
      const welcomed = new Promise((resolve, reject) => {
        this.#control = new Control(
          this.room,
          this.joined.token,
          this.joined.heartbeat,
          (message) => {
            if (message.type === "welcome") resolve(undefined);
            if (message.type === "token") this.#renew(message.token);
            this.listener.onMessage(message);
          },
          (code, reason) => {
            const error = code === REPLACED ? new ApiError(409, t("You joined this call from another page.")) : new Error(reason);
            this.#lose(error);
            reject(error);
          },
        );
      });
      if (this.joined.waiting) {
        this.listener.onWaiting(true);
        await welcomed;
        if (!this.#live) return;
        this.listener.onWaiting(false);
      }
      await Promise.all([welcomed, this.#watch(), this.publisher.open(this)]);
      if (this.#live) this.#awaitMedia();
    } catch (error) {
      this.#lose(error);
    }
  }

  /** @param {ClientMessage} message */
  send(message) {
    this.#control?.send(message);
  }

  /**
   * @param {number} heard
   * @returns {ClientMessage[]} what the control socket carried after so many messages
   */
  said(heard) {
    return this.#control?.after(heard) ?? [];
  }

  /** Sends what the devices give now. */
  mediaChanged() {
    this.publisher.update(
      () => (this.#live && this.#connected ? this : null),
      (error) => this.#lose(error),
    );
  }

  /**
   * Leaves the room.
   * @param {boolean} unloading the page goes away: nothing can be waited for
   */
  leave(unloading) {
    this.#end();
    const ended = Promise.all([this.watching?.end(), this.publisher.session?.end()]);
    if (unloading) this.#control?.close();
    // In this order, for whoever has left has no session to end.
    void ended.then(() => {
      this.#control?.close();
      this.drop();
    });
  }

  /** Lets go of the media and the socket without leaving the room. */
  drop() {
    this.#end();
    this.#control?.abandon();
    this.watching?.drop();
    this.publisher.drop();
    this.watching = null;
    for (const pc of this.#peers.splice(0)) pc.close();
  }

  /** @returns {RTCPeerConnection} watched: its failure loses the stay */
  peer() {
    const pc = new RTCPeerConnection({ iceServers: this.joined.ice_servers, bundlePolicy: "max-bundle" });
    this.#peers.push(pc);
    let timer = 0;
    let established = false;
    pc.addEventListener("connectionstatechange", () => {
      clearTimeout(timer);
      if (pc.connectionState === "connected") established = true;
      if (pc.connectionState === "failed") this.#lose(new Error("The media connection failed"), !established);
      if (pc.connectionState === "disconnected")
        timer = setTimeout(() => this.#lose(new Error("The media connection was cut")), DISCONNECTED_MS);
    });
    return pc;
  }

  #end() {
    this.#live = false;
    clearTimeout(this.#timer);
  }

  /**
   * @param {unknown} error
   * @param {boolean} [blocked]
   */
  #lose(error, blocked = false) {
    if (!this.#live) return;
    this.#end();
    this.listener.onLost(error, blocked);
  }

  /** @param {string} token */
  #renew(token) {
    this.joined = { ...this.joined, token };
    for (const session of [this.watching, this.publisher.session]) if (session) session.token = token;
  }

  async #watch() {
    const pc = this.peer();
    pc.addTransceiver("audio", { direction: "recvonly" });
    for (let i = 0; i < VIDEO_SLOTS; i += 1) pc.addTransceiver("video", { direction: "recvonly" });
    const session = await MediaSession.open(this.#endpoint("whep"), this.joined.token, pc);
    if (!this.#live) return void session.end();
    this.watching = session;
    this.listener.onWatching();
  }

  /** The server has agreed; connected is who gets picture and sound. */
  #awaitMedia() {
    const connections = [this.watching, this.publisher.session].flatMap((session) => (session ? [session.pc] : []));
    const look = () => {
      if (!this.#live || this.#connected || !connections.every((pc) => pc.connectionState === "connected")) return;
      this.#connected = true;
      clearTimeout(this.#timer);
      this.listener.onConnected();
      // Devices may have changed while the offer was under way.
      this.mediaChanged();
    };
    for (const pc of connections) pc.addEventListener("connectionstatechange", look);
    look();
    if (!this.#connected) this.#timer = setTimeout(() => this.listener.onBlocked(), MEDIA_MS);
  }

  /** @param {"whip" | "whep"} kind */
  #endpoint(kind) {
    return `/rooms/${encodeURIComponent(this.room)}/${kind}`;
  }
}
