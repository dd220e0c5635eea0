/** What the host of the room can do, and what hosts and those who wait are told. */
import { rememberHostInvite } from "./host-invite.js";

/** @import { Connection } from "./connection.js" */
/** @import { Links, Newcomer, ParticipantState, RoomRules, RoomState, Waiting, WaitingList } from "../types.js" */

/**
 * @typedef {object} HostedCall
 * @property {Connection} connection
 * @property {RoomState | null} room
 * @property {string} self
 * @property {(id: string) => ParticipantState | undefined} participant
 */

export class Hosting {
  /** @type {Newcomer[]} */ waiting = [];
  /** @type {Links | null} the links that a host hands on */ links = null;
  /** @type {number | null} how often the links had been replaced when this page came in */ #linksThen = null;

  /** @param {HostedCall} call */
  constructor(call) {
    this.call = call;
  }

  /** Whether this page may do all this; the server checks it. */
  get allowed() {
    return !!this.call.participant(this.call.self)?.host;
  }

  /** Whether the host muted this page for everyone. */
  get muted() {
    return !!this.call.participant(this.call.self)?.muted;
  }

  /** Whether the link this page came in with lets nobody in any more. */
  get linkReplaced() {
    const { room } = this.call;
    return !this.allowed && !!room && this.#linksThen !== null && room.links > this.#linksThen;
  }

  /** @param {Partial<RoomRules>} change */
  setRules(change) {
    const { room } = this.call;
    if (room) this.call.connection.send({ type: "rules", rules: { ...room.rules, ...change } });
  }

  /** @param {string} participant */
  remove(participant) {
    this.call.connection.send({ type: "remove", participant });
  }

  /**
   * @param {string} participant
   * @param {boolean} muted
   */
  muteForAll(participant, muted) {
    this.call.connection.send({ type: "mute_for_all", participant, muted });
  }

  unmuteSelf() {
    this.muteForAll(this.call.self, false);
  }

  /**
   * @param {string} participant
   * @param {boolean} admitted
   */
  admit(participant, admitted) {
    this.call.connection.send({ type: "admit", participant, admitted });
  }

  replaceLinks() {
    this.call.connection.send({ type: "new_links" });
  }

  /** Mutes all others for everyone who are not yet. */
  muteEveryone() {
    for (const { id, muted } of this.call.room?.participants ?? []) if (id !== this.call.self && !muted) this.muteForAll(id, true);
  }

  endCall() {
    this.call.connection.send({ type: "end_call" });
  }

  /** The room is known, or has changed. */
  roomChanged() {
    this.#linksThen ??= this.call.room?.links ?? null;
    if (!this.allowed) this.waiting = [];
  }

  /** @param {Waiting | WaitingList | Links} message */
  receive(message) {
    if (message.type === "waiting_list") this.waiting = message.waiting;
    else if (message.type === "links") {
      this.links = message;
      const { room, invite } = this.call.connection.who;
      // The address is what people copy and send: it must not make a host of whoever gets it.
      if (rememberHostInvite(room, invite)) history.replaceState(history.state, "", `#${message.invite}`);
    }
  }
}
