/** Whether the call is recorded, as the server tells it, and what a host can do about it. */
import { refusal } from "./api.js";

/** @import { Connection } from "./connection.js" */
/** @import { KeptRecording, RecordingState } from "../types.js" */

export class CallRecording {
  /** @type {RecordingState} */ state = { type: "recording", state: "off", recording: null, offered: false, since: null, reason: "" };

  /** @param {{ connection: Connection }} call */
  constructor(call) {
    this.call = call;
  }

  get on() {
    return this.state.state !== "off";
  }

  /** @param {RecordingState} state */
  receive(state) {
    this.state = state;
  }

  /** Says that the sign stands on this page: nothing is recorded of whoever is before it until then. */
  shown() {
    const { recording } = this.state;
    if (recording) this.call.connection.send({ type: "recording_shown", recording });
  }

  /** @param {boolean} on */
  record(on) {
    this.call.connection.send({ type: "record", on });
  }

  /**
   * @returns {Promise<KeptRecording[]>} the newest first
   * @throws {Error} with the reason for people
   */
  async list() {
    const { who, joined } = this.call.connection;
    const answer = await fetch(`/rooms/${encodeURIComponent(who.room)}/recordings`, {
      headers: { Authorization: `Bearer ${joined?.token ?? ""}` },
      cache: "no-store",
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) throw await refusal(answer);
    return /** @type {KeptRecording[]} */ (await answer.json());
  }
}
