/** Talking beside talking: chat, reactions and raised hands, as this page gives and sees them. */

/** @import { Connection } from "./connection.js" */
/** @import { Mark, RoomState } from "../types.js" */

/**
 * @typedef {object} TalkedCall
 * @property {Connection} connection
 * @property {RoomState | null} room
 * @property {string} self
 */

export class Talk {
  /** @param {TalkedCall} call */
  constructor(call) {
    this.call = call;
  }

  /** @param {string} text */
  say(text) {
    this.call.connection.send({ type: "say", text });
  }

  /** @param {Mark} mark */
  react(mark) {
    this.call.connection.send({ type: "react", mark });
  }

  /**
   * @param {string} participant
   * @param {boolean} raised
   */
  setHand(participant, raised) {
    this.call.connection.send({ type: "hand", participant, raised });
  }

  /** Whether this page's own hand is up. */
  get raised() {
    return this.handPlace(this.call.self) > 0;
  }

  /** @returns {string[]} who has a hand raised, the first to have raised it first */
  get hands() {
    return this.call.room?.hands ?? [];
  }

  /**
   * @param {string} participant
   * @returns {number} which in the order, from 1; 0 = down
   */
  handPlace(participant) {
    return this.hands.indexOf(participant) + 1;
  }
}
