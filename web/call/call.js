/** The state of a call as the server tells it, and the commands a person can give. */
import { Connection } from "./connection.js";
import { FaceHistory } from "./face-history.js";
import { CallRecording } from "./call-recording.js";
import { Hosting } from "./hosting.js";
import { ListeningClock } from "./listening-clock.js";
import { MouthTrack } from "./mouth-track.js";
import { PerParticipant } from "./per-participant.js";
import { Talk } from "./talk.js";
import { t, told } from "../texts/texts.js";

/** @import { CallListener, CallSnapshot, ConnectionState, Entrant, FaderFace, FaderState, Focus, InsightMessage, RoomState, ServerMessage, Slot, TalkMessage } from "../types.js" */
/** @import { LocalMedia } from "./media.js" */

export class Call {
  /** @type {RoomState | null} */ room = null;
  /** @type {FaderState} */ faders = { gains: [], muted: [], focus: null };
  /** @type {Slot[]} */ slots = [];
  #histories = new PerParticipant(() => new FaceHistory());
  /** Of who has a portrait. */
  #mouths = new PerParticipant((id) => new MouthTrack(this.listening, id === this.self));
  /** @type {boolean | null} */ voicesSeparated = null;
  /** @type {number | null} */ firstFrameAt = null;
  hosting = new Hosting(this);
  talk = new Talk(this);
  recording = new CallRecording(this);
  listening = new ListeningClock(() => this.#ears());
  /** @type {CallListener | null} */ #listener = null;

  /**
   * @param {Entrant} who
   * @param {LocalMedia | null} media null = watch only
   */
  constructor(who, media) {
    this.connection = new Connection(who, media, {
      onState: (...told) => this.listener.onConnection(...told),
      onMessage: (message) => this.#receive(message),
      onWatching: () => this.listener.onSlots(),
      // A screen has another id there, and comes when its owner has.
      slots: () => this.slots.filter(({ participant }) => !this.participant(participant)?.screen_of),
      onMoved: () => this.listener.onMoved(),
      onNotice: (reason) => this.listener.onNotice(reason),
    });
    this.askedAt = performance.now();
  }

  /**
   * Begins the call that the server has let us into.
   * @param {CallListener} listener
   */
  start(listener) {
    this.#listener = listener;
    this.connection.start();
  }

  get listener() {
    if (!this.#listener) throw new Error("the call has not begun");
    return this.#listener;
  }

  get self() {
    return this.connection.joined?.participant ?? "";
  }

  /** @param {string} id */
  participant(id) {
    return this.room?.participants.find((participant) => participant.id === id);
  }

  /** @param {string} participant */
  history(participant) {
    return this.#histories.of(participant);
  }

  /**
   * @param {string} participant
   * @returns {{ track: MediaStreamTrack, rtpBase: number | null } | null} the picture the server sends of them
   */
  picture(participant) {
    const slot = this.slots.find((candidate) => candidate.participant === participant);
    const transceivers = this.connection.watching?.pc.getTransceivers() ?? [];
    const transceiver = slot && transceivers.find((candidate) => candidate.mid === slot.mid);
    return slot && transceiver ? { track: transceiver.receiver.track, rtpBase: slot.rtp_base } : null;
  }

  /** @returns {MediaStreamTrack | null} the mix of all the others */
  sound() {
    return this.#ears()?.track ?? null;
  }

  #ears() {
    const transceivers = this.connection.watching?.pc.getTransceivers() ?? [];
    return transceivers.find(({ receiver }) => receiver.track.kind === "audio")?.receiver ?? null;
  }

  /** @param {string} participant */
  mouth(participant) {
    return this.#mouths.of(participant);
  }

  /**
   * @param {string} participant
   * @param {number} face
   */
  faceName(participant, face) {
    const name = this.participant(participant)?.faces[String(face)];
    return name || this.history(participant).newest().find(({ id }) => id === face)?.name || (face < 0 ? t("Voice {n}", { n: -face }) : t("Face {n}", { n: face }));
  }

  /**
   * @param {string} participant
   * @returns {number[]} the speakers of the last seconds, those with a fader that is not at rest, and named faces: faces, then voices
   */
  speakerIds(participant) {
    const { gains, focus } = this.faders;
    const named = Object.keys(this.participant(participant)?.faces ?? {}).map(Number).filter((id) => id >= 0);
    const set = [...gains, ...(focus ? [focus] : [])]
      .filter((entry) => entry.participant === participant)
      .map(({ face }) => face)
      .filter((face) => typeof face === "number");
    const ids = new Set([...named, ...set, ...this.history(participant).recent()]);
    return [...ids].sort((a, b) => Number(a < 0) - Number(b < 0) || Math.abs(a) - Math.abs(b));
  }

  /**
   * @param {string} participant
   * @param {FaderFace} face
   */
  gain(participant, face) {
    return this.faders.gains.find((g) => g.participant === participant && g.face === face)?.gain ?? 1;
  }

  /**
   * @param {string} participant
   * @param {number} face
   * @returns {boolean} whether this listener hears the face now
   */
  hears(participant, face) {
    const { focus, muted } = this.faders;
    if (muted.includes(participant)) return false;
    if (focus) return focus.participant === participant && (focus.face === null || focus.face === face);
    return this.gain(participant, face) > 0;
  }

  /** @param {Focus | null} focus shown at once; the server's answer is the truth */
  setFocus(focus) {
    // Whoever wants to hear only them does not want them muted.
    if (focus && this.faders.muted.includes(focus.participant)) this.setMuted(focus.participant, false);
    this.connection.send({ type: "focus", participant: focus?.participant ?? null, face: focus?.face ?? null });
    this.faders = { ...this.faders, focus };
    this.listener.onFaders();
  }

  /**
   * Hear only this; the second time, everyone.
   * @param {string} participant
   * @param {number | null} face
   */
  toggleFocus(participant, face) {
    const { focus } = this.faders;
    this.setFocus(focus?.participant === participant && focus.face === face ? null : { participant, face });
  }

  /**
   * @param {string} participant
   * @param {FaderFace} face
   * @param {number} gain 0..2
   */
  setGain(participant, face, gain) {
    this.connection.send({ type: "fader", participant, face, gain });
    const others = this.faders.gains.filter((g) => g.participant !== participant || g.face !== face);
    this.faders = { ...this.faders, gains: [...others, { participant, face, gain }] };
    this.listener.onFaders();
  }

  /**
   * @param {string} participant
   * @param {boolean} muted
   */
  setMuted(participant, muted) {
    this.connection.send({ type: "mute", participant, muted });
    const others = this.faders.muted.filter((id) => id !== participant);
    this.faders = { ...this.faders, muted: muted ? [...others, participant] : others };
    this.listener.onFaders();
  }

  /**
   * @param {string} participant
   * @param {number | null} face
   * @param {string} name
   */
  rename(participant, face, name) {
    this.connection.send({ type: "rename", participant, face, name });
  }

  /** @param {string} name that the others see from now on, after a cut too */
  renameSelf(name) {
    this.connection.who = { ...this.connection.who, name };
    this.rename(this.self, null, name);
  }

  /**
   * A finished line was said by another speaker; everybody's lines change when the server says so.
   * @param {string} participant
   * @param {number} line
   * @param {number | null} face
   */
  setSpeaker(participant, line, face) {
    this.connection.send({ type: "speaker", participant, line, face });
  }

  /** Whether this page may give names, and lines to speakers: whoever only watches may not. */
  get mayName() {
    return this.connection.joined?.role !== "watch";
  }

  /**
   * @param {string} participant
   * @param {number | null} face null = the participant's sound as a whole
   * @returns {string} who speaks, for people
   */
  speaker(participant, face) {
    const owner = this.participant(participant)?.name ?? t("Someone who left");
    if (face === null) return owner;
    const given = this.participant(participant)?.faces[String(face)];
    return given || t("{face} of {owner}", { face: this.faceName(participant, face), owner });
  }

  noteFirstFrame() {
    this.firstFrameAt ??= performance.now();
  }

  /** @returns {CallSnapshot} */
  snapshot() {
    return structuredClone({
      connection: this.connection.state,
      participant: this.self || null,
      role: this.connection.joined?.role ?? null,
      room: this.room,
      faces: this.#histories.map((history) => history.newest()),
      voices: this.#histories.map((history) => history.voices()),
      mouths: this.#mouths.map((mouth) => ({ row: [...mouth.now()], ahead: mouth.ahead })),
      slots: this.slots,
      faders: this.faders,
      focus: this.faders.focus,
      voicesSeparated: this.voicesSeparated,
      firstFrameMs: this.firstFrameAt === null ? null : this.firstFrameAt - this.askedAt,
      firstFrameSincePageMs: this.firstFrameAt,
    });
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    switch (message.type) {
      case "welcome":
        this.faders = message.faders;
        this.#setRoom(message.room);
        this.listener.onFaders();
        this.listener.onWelcome();
        break;
      case "room":
        this.#setRoom(message.room);
        break;
      case "faders":
        this.faders = { gains: message.gains, muted: message.muted, focus: message.focus };
        this.listener.onFaders();
        break;
      case "faces":
        this.history(message.participant).push(message.t, message.faces, message.voices);
        this.listener.onFaces(message.participant);
        break;
      case "slots":
        this.slots = message.slots;
        this.listening.base = message.sound_base;
        this.listener.onSlots();
        break;
      case "mouth":
        this.mouth(message.participant).push(message);
        break;
      case "status":
        this.#setVoices(message.voices_separated, told(message.reason));
        break;
      case "localization":
      case "sound":
      case "spectrogram":
      case "caption":
      case "scene":
      case "answer":
      case "found":
        this.listener.onInsight(message);
        break;
      case "notice":
        this.listener.onNotice(told(message.reason), null, message.code.endsWith("_up") ? "info" : "error");
        break;
      case "hearing":
        this.listener.onHearing(message.complete);
        break;
      case "echo":
        this.listener.onNotice(t("Your speakers can be heard in your microphone: use headphones, or turn them down."), null, "info");
        break;
      case "chat":
      case "chat_history":
      case "reaction":
        this.listener.onTalk(message);
        break;
      case "waiting":
      case "waiting_list":
      case "links":
        this.hosting.receive(message);
        this.listener.onHosting();
        break;
      case "recording":
        this.recording.receive(message);
        this.listener.onRecording();
        this.recording.shown();
        break;
      case "error":
        this.listener.onNotice(told(message.reason), message.request);
        break;
    }
  }

  /** @param {RoomState} room */
  #setRoom(room) {
    this.room = room;
    this.#histories.keep((id) => !!this.participant(id));
    this.#mouths.keep((id) => !!this.participant(id)?.portrait);
    this.hosting.roomChanged();
    this.#setVoices(room.voices_separated, "");
    this.listener.onRoom();
  }

  /**
   * @param {boolean} separated
   * @param {string} reason
   */
  #setVoices(separated, reason) {
    if (separated === this.voicesSeparated && !reason) return;
    this.voicesSeparated = separated;
    this.listener.onVoices(separated, reason);
  }
}
