/** The control WebSocket of one connection: hello, heartbeat, typed messages. call/connection decide when to make the next. */

/** @import { ClientMessage, ServerMessage } from "../types.js" */

const MISSED_BEATS = 3;
/** Messages that may have to be said again at another server. */
const KEPT = 100;

export class Control {
  /** @type {WebSocket} */ #socket;
  #pinged = 0;
  #said = -1;
  /** @type {{ n: number, message: ClientMessage }[]} the newest, by their number after the hello */ #kept = [];
  #answered = 0;
  #timer = 0;
  #done = false;

  /**
   * @param {string} room
   * @param {string} token
   * @param {number} heartbeat seconds
   * @param {(message: ServerMessage) => void} onMessage
   * @param {(code: number, reason: string) => void} onLost called once, not after close()
   */
  constructor(room, token, heartbeat, onMessage, onLost) {
    const url = new URL(`/rooms/${encodeURIComponent(room)}/control`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.hash = "";
    this.onMessage = onMessage;
    this.onLost = onLost;
    this.#socket = new WebSocket(url);
    this.#socket.addEventListener("open", () => this.send({ type: "hello", token }));
    this.#socket.addEventListener("message", (event) => this.#receive(event.data));
    this.#socket.addEventListener("close", (event) => this.#lose(event.code, event.reason));
    this.#timer = setInterval(() => this.#beat(), heartbeat * 1000);
  }

  /** @param {ClientMessage} message dropped while the socket is not open: the server's state is the truth */
  send(message) {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify(message));
    this.#said += 1;
    if (message.type !== "ping" && message.type !== "hello") this.#kept = [...this.#kept.slice(1 - KEPT), { n: this.#said, message }];
  }

  /**
   * @param {number} heard messages after the hello
   * @returns {ClientMessage[]} what was said later, but for beats
   */
  after(heard) {
    return this.#kept.filter(({ n }) => n > heard).map(({ message }) => message);
  }

  close() {
    if (this.#done) return;
    this.#finish();
    this.send({ type: "leave" });
    this.#socket.close(1000);
  }

  /** Drops the socket without leaving the room: the next connection resumes it. */
  abandon() {
    this.#finish();
    this.#socket.close(1000);
  }

  /** @param {unknown} data */
  #receive(data) {
    if (this.#done || typeof data !== "string") return;
    const message = /** @type {ServerMessage} */ (JSON.parse(data));
    this.#answered = this.#pinged;
    if (message.type !== "pong") this.onMessage(message);
  }

  #beat() {
    if (this.#pinged - this.#answered >= MISSED_BEATS) {
      // A cut cable closes nothing: silence is the only sign.
      this.#lose(0, "The server fell silent");
      return;
    }
    this.#pinged += 1;
    this.send({ type: "ping", n: this.#pinged });
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #lose(code, reason) {
    if (this.#done) return;
    this.#finish();
    this.#socket.close();
    this.onLost(code, reason);
  }

  #finish() {
    this.#done = true;
    clearInterval(this.#timer);
  }
}
