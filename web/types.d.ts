/** What the page and the server say to each other, and the page's own few shared shapes. */

/** A face in one analysed video frame; box is [x, y, width, height] in fractions of the picture. */
export interface Face {
  id: number;
  box: [number, number, number, number];
  /** null until somebody names the face */
  name: string | null;
  speaking: number;
  lips_visible: boolean;
  voice_known: boolean;
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

export type ServerMessage =
  | { type: "welcome"; participant: string; room: RoomState; faders: FaderState }
  | { type: "pong"; n: number }
  | { type: "token"; token: string; expires_in: number }
  | { type: "room"; room: RoomState }
  | ({ type: "faders" } & FaderState)
  | FacesMessage
  | { type: "slots"; slots: Slot[] }
  | { type: "status"; voices_separated: boolean; reason: string }
  | { type: "error"; code: string; reason: string };

export type ClientMessage =
  | { type: "hello"; token: string }
  | { type: "ping"; n: number }
  | { type: "fader"; participant: string; face: FaderFace; gain: number }
  | { type: "focus"; participant: string | null; face: number | null }
  | { type: "mute"; participant: string; muted: boolean }
  | { type: "rename"; participant: string; face: number | null; name: string }
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
