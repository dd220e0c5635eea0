/** What the page and the server say to each other, and the page's own few shared shapes. */
import type {
  Answer,
  CaptionLine,
  ChatHistory,
  ChatLine,
  FaceOverlay,
  FaderState,
  Focus,
  FoundMoments,
  Gain,
  Links,
  LocalizationMap,
  Reaction,
  RoomState,
  SceneDescription,
  Slot,
  SoundTags,
  SpectrogramColumns,
  VoiceOverlay,
  Waiting,
  WaitingList,
} from "./messages.js";

export * from "./messages.js";

/** A fader belongs to one speaker of a participant (a face, or below 0 a voice without one) or to everything else in that participant's sound. */
export type FaderFace = Gain["face"];

/** What the models make of sound and picture. */
export type InsightMessage =
  | Answer
  | CaptionLine
  | FoundMoments
  | LocalizationMap
  | SceneDescription
  | SoundTags
  | SpectrogramColumns;

/** What the host is told, and who waits for them. */
export type HostMessage = Waiting | WaitingList | Links;

/** What becomes of a participant's sound and picture in the server. */
export interface Figures {
  sound_missing: number;
  sound_late: number;
  pictures_came: number;
  pictures_lost: number;
  pictures_unsent: number;
  viewers: number;
}

/** A recording of the room, for its host: `address` is where `files` are, for an hour. */
export interface KeptRecording {
  id: string;
  begun: string;
  progress: "recording" | "making" | "ready" | "failed";
  files: string[];
  deleted_at: number;
  address: string;
}

/** What others write, and show without a word. */
export type TalkMessage = ChatLine | ChatHistory | Reaction;

export type Mark = Reaction["mark"];

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
  host: boolean;
  /** The host has to let them in first. */
  waiting: boolean;
}

export interface CreatedRoom {
  room: string;
  invite: string;
  watch_invite: string;
  link: string;
}

/** For who made it: `host` lets them in as its host. */
export interface OwnRoom extends CreatedRoom {
  host: string;
}

/** What it takes to draw a portrait: models/portrait/sheet.py; numbers are 16-bit in base64, times those of `fine`. */
export interface PortraitSheet {
  width: number;
  height: number;
  /** Eye distance, pixels. */
  unit: number;
  picture: string;
  points: string;
  triangles: string;
  moves: string;
  follow: string;
  near: string;
  shut: string;
  rest: string;
  basis: string;
  neck: [number, number];
  level: [[number, number], [number, number]];
  stretch: number;
  widest: number;
  fine: { points: number; moves: number; lips: number };
  inner: { upper: number[]; lower: number[] };
  upper: number[];
  lower: number[];
  lids: [number[], number[]][];
  folds: number[][];
  life: { waves: number[]; sway: Record<string, number>; blink: number[]; pauses: [number, number] };
  inside: { area: [number, number, number, number]; throat: [number, number, number]; teeth: string; jaw: string };
}

/**
 * Where the call stands with the server. "waiting" is for the host, "blocked": only media do not get through; "refused"
 * waits for the person to try again, "removed" is the end.
 */
export type ConnectionState = "connecting" | "waiting" | "connected" | "blocked" | "reconnecting" | "refused" | "removed" | "left";

/** What a call tells the page. */
export interface CallListener {
  /** Participants or names differ. */
  onRoom(): void;
  /** Gains, mutes or focus differ. */
  onFaders(): void;
  /** Pictures moved between tiles, or the receiving connection is new. */
  onSlots(): void;
  onFaces(participant: string): void;
  onVoices(separated: boolean, reason: string): void;
  onConnection(state: ConnectionState, detail: string, retrying: boolean): void;
  /** What the models make of sound and picture. */
  onInsight(message: InsightMessage): void;
  /** Somebody wrote or reacted. */
  onTalk(message: TalkMessage): void;
  /** The server knows nothing yet of what this page wants to be told. */
  onWelcome(): void;
  /** Another server has the call, and knows no screen that this page shares. */
  onMoved(): void;
  /** Somebody waits, or does no longer. */
  onHosting(): void;
  /** The call is recorded, or no longer. */
  onRecording(): void;
  /** Whether all of the sound reaches this listener. */
  onHearing(complete: boolean): void;
  /** `request`: the question that has no answer. */
  onNotice(reason: string, request?: number | null, kind?: "info" | "error"): void;
}

/** What window.earshot.state gives to tests and to the curious: a copy, made when read. */
export interface CallSnapshot {
  connection: ConnectionState;
  participant: string | null;
  role: "publish" | "watch" | null;
  room: RoomState | null;
  faces: Record<string, FaceOverlay[]>;
  /** Made ones: how they are now, and how many seconds beyond that are known. */
  mouths: Record<string, { row: number[]; ahead: number | null }>;
  /** Those that belong to no face. */
  voices: Record<string, VoiceOverlay[]>;
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
