/** What the page and the server say to each other, and the page's own few shared shapes. */

/** A face in one analysed video frame; box is [x, y, width, height] in fractions of the picture. */
export interface Face {
  id: number;
  box: [number, number, number, number];
  /** null until somebody names the face */
  name: string | null;
  speaking: number;
  lips_visible: boolean;
  /** how it stands with the print of its voice */
  voice: "unknown" | "listening" | "known" | "dropped";
  voice_confidence: number;
}

export interface Participant {
  id: string;
  name: string;
  publishing: boolean;
  audio: boolean;
  video: boolean;
  connected: boolean;
  faces: Record<string, string>;
}

export interface RoomState {
  id: string;
  participants: Participant[];
  voices_separated: boolean;
}

/** A fader belongs to one face of a participant or to everything else in that participant's sound. */
export type FaderFace = number | "rest";

/** Who alone is heard: one face, or with `face` null one participant. */
export interface Focus {
  participant: string;
  face: number | null;
}

export interface FaderState {
  gains: { participant: string; face: FaderFace; gain: number }[];
  muted: string[];
  focus: Focus | null;
}

/** Which participant a video m-line plays; rtpTimestamp = (rtp_base + round(t * 90000)) mod 2^32. */
export interface Slot {
  mid: string;
  participant: string;
  rtp_base: number | null;
}

export interface FacesMessage {
  type: "faces";
  participant: string;
  t: number;
  faces: Face[];
}

/** Where a participant's sound comes from; fractions of the picture, null where nothing is to be seen. */
export interface LocalizationMessage {
  type: "localization";
  participant: string;
  t: number;
  score: number;
  peak: [number, number] | null;
  box: [number, number, number, number] | null;
  rows: number;
  columns: number;
  /** base64, a byte a cell, row by row */
  heat: string;
}

/** What is heard, most probable first; empty when it is over. */
export interface SoundMessage {
  type: "sound";
  participant: string;
  t: number;
  tags: [name: string, probability: number][];
}

/** Columns of a spectrogram; face null is the whole sound. 0..255 is -90..-10 dBFS. */
export interface SpectrogramMessage {
  type: "spectrogram";
  participant: string;
  face: number | null;
  /** of the first column */
  t: number;
  /** seconds a column */
  hop: number;
  bands: number;
  low: number;
  high: number;
  /** base64, column after column, lowest band first */
  data: string;
}

export interface CaptionMessage {
  type: "caption";
  participant: string;
  face: number | null;
  id: number;
  text: string;
  start: number;
  end: number;
  final: boolean;
}

/** What the camera sees; each word with the 14 x 14 places it was read from, base64. */
export interface SceneMessage {
  type: "scene";
  participant: string;
  t: number;
  text: string;
  words: { word: string; heat: string }[];
}

export interface AnswerMessage {
  type: "answer";
  /** null: the question was said aloud */
  id: number | null;
  participant: string;
  question: string;
  answers: [text: string, probability: number][];
  known: boolean;
}

export interface Moment {
  participant: string;
  t: number;
  kind: "picture" | "words";
  text: string;
  speaker: string | null;
  score: number;
  /** data URL */
  thumbnail: string | null;
}

export interface FoundMessage {
  type: "found";
  id: number;
  query: string;
  moments: Moment[];
}

export type InsightMessage =
  | LocalizationMessage
  | SoundMessage
  | SpectrogramMessage
  | CaptionMessage
  | SceneMessage
  | AnswerMessage
  | FoundMessage;

export type ServerMessage =
  | InsightMessage
  | { type: "welcome"; participant: string; room: RoomState; faders: FaderState }
  | { type: "pong"; n: number }
  | { type: "token"; token: string; expires_in: number }
  | { type: "room"; room: RoomState }
  | ({ type: "faders" } & FaderState)
  | FacesMessage
  | { type: "slots"; slots: Slot[] }
  | { type: "status"; voices_separated: boolean; reason: string }
  | { type: "error"; code: string; reason: string; request?: number | null };

export type ClientMessage =
  | { type: "hello"; token: string }
  | { type: "ping"; n: number }
  | { type: "fader"; participant: string; face: FaderFace; gain: number }
  | { type: "focus"; participant: string | null; face: number | null }
  | { type: "mute"; participant: string; muted: boolean }
  | { type: "rename"; participant: string; face: number | null; name: string }
  | { type: "ask"; id: number; participant: string; question: string }
  | { type: "search"; id: number; query: string }
  | { type: "spectrogram"; participant: string | null; face: number | null }
  | { type: "announcer"; on: boolean }
  | { type: "leave" };

/** Who comes in, and with what; `role` for somebody whose invite allows more than they want. */
export interface Entrant {
  room: string;
  invite: string;
  name: string;
  role?: "watch";
}

export interface Joined {
  participant: string;
  token: string;
  resume: string;
  role: "publish" | "watch";
  expires_in: number;
  ice_servers: RTCIceServer[];
  heartbeat: number;
}

export interface CreatedRoom {
  room: string;
  invite: string;
  watch_invite: string;
  link: string;
}

/** Where the call stands with the server. "refused" waits for the person to try again. */
export type ConnectionState = "connecting" | "connected" | "reconnecting" | "refused" | "left";

/** What window.earshot.state gives to tests and to the curious: a copy, made when read. */
export interface CallSnapshot {
  connection: ConnectionState;
  participant: string | null;
  role: "publish" | "watch" | null;
  room: RoomState | null;
  faces: Record<string, Face[]>;
  slots: Slot[];
  faders: FaderState;
  focus: Focus | null;
  voicesSeparated: boolean | null;
  /** Milliseconds from the join click, and from the start of the page load, to the first remote picture. */
  firstFrameMs: number | null;
  firstFrameSincePageMs: number | null;
}

declare global {
  interface Window {
    earshot: { readonly state: CallSnapshot | null; stats(): Promise<Record<string, unknown>[]> };
  }
}
