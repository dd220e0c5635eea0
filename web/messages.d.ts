/** Written by `earshot schema` from the models in streamer/messages: do not edit. */

/** Let somebody in who waits, or not. */
export interface Admit {
  type: "admit";
  participant: string;
  admitted: boolean;
}

/**
 * The three most probable answers; `known` is false where none is to be trusted.
 *
 * A question that was said aloud ("Earshot, …") is answered to everyone, with `id` null.
 */
export interface Answer {
  type: "answer";
  id: number | null;
  participant: string;
  question: string;
  answers: [string, number][];
  known: boolean;
}

/** Ask about what a participant's camera sees; the answer goes to who asked. */
export interface Ask {
  type: "ask";
  id: number;
  participant: string;
  question: string;
}

/**
 * Words of one voice (face null: of what no speaker accounts for); the same id comes again until it is final.
 *
 * A final line comes again, in the same words, when it is given to another speaker.
 */
export interface CaptionLine {
  type: "caption";
  participant: string;
  face: number | null;
  id: number;
  text: string;
  start: number;
  end: number;
  final: boolean;
}

/** All lines that there are for somebody who comes: they take the place of those the page has. */
export interface ChatHistory {
  type: "chat_history";
  lines: ChatLine[];
}

/** A line somebody wrote; `t` is Unix seconds of the server, `name` how they were called when it was sent. */
export interface ChatLine {
  type: "chat";
  id: number;
  participant: string;
  name: string;
  t: number;
  text: string;
}

export type ClientMessage = Hello | Ping | SetFader | SetFocus | SetMute | Rename | SetSpeaker | SetView | SetSuppression | Leave | Ask | Search | SetSpectrogram | SetAnnouncer | SetPortrait | Say | React | SetHand | SetRules | Remove | MuteForAll | Admit | NewLinks | EndCall | RecordCall | RecordingShown;

/** What this participant is sent comes back by their microphone: the others hear themselves. */
export interface EchoHeard {
  type: "echo";
}

/** End the call for everyone, and make the links worth nothing. */
export interface EndCall {
  type: "end_call";
}

/** A message was refused, or the connection is about to be closed; `request` says which question has no answer. */
export interface Error {
  type: "error";
  code: string;
  reason: string;
  request: number | null;
}

/**
 * One face in a picture; `box` is x, y, width, height as fractions of the picture.
 *
 * `voice` is how it stands with its voice print: nothing "unknown" yet, "listening" to it, "known", or "dropped".
 */
export interface FaceOverlay {
  id: number;
  box: [number, number, number, number];
  name: string | null;
  speaking: number;
  lips_visible: boolean;
  voice: "unknown" | "listening" | "known" | "dropped";
  voice_confidence: number;
}

/**
 * Faces of one participant in the picture captured at `t`, Unix seconds of the publisher's clock.
 *
 * `voices` are those that belong to no face. While no picture comes they are told without faces, at the sound's time.
 */
export interface Faces {
  type: "faces";
  participant: string;
  t: number;
  faces: FaceOverlay[];
  voices: VoiceOverlay[];
}

/** All faders of one listener. */
export interface FaderState {
  gains: Gain[];
  muted: string[];
  focus: Focus | null;
}

/** The listener's faders after a change. */
export interface FadersChanged {
  gains: Gain[];
  muted: string[];
  focus: Focus | null;
  type: "faders";
}

/** What is heard alone. */
export interface Focus {
  participant: string;
  face: number | null;
}

/** A picture, or a line that was spoken or written in the call; `thumbnail` is a data URL. */
export interface FoundMoment {
  participant: string;
  t: number;
  kind: "picture" | "words" | "chat";
  text: string;
  speaker: string | null;
  score: number;
  thumbnail: string | null;
}

/** Moments that fit a query, the best first. */
export interface FoundMoments {
  type: "found";
  id: number;
  query: string;
  moments: FoundMoment[];
}

/** One fader that is not at 1. */
export interface Gain {
  participant: string;
  face: number | "rest";
  gain: number;
}

/** Whether all of the sound reaches this listener; if not, the machine is too busy and leaves some out. */
export interface Hearing {
  type: "hearing";
  complete: boolean;
}

/** First message: proves who the connection belongs to. */
export interface Hello {
  type: "hello";
  token: string;
}

/** Leave the room for good; no resume. */
export interface Leave {
  type: "leave";
}

/** For hosts: the invites that are good now, to take part and to watch. */
export interface Links {
  type: "links";
  invite: string;
  watch_invite: string;
}

/**
 * Where the sound of the last second comes from, in the picture captured at `t`.
 *
 * `heat` holds `rows` x `columns` bytes, row by row, 255 the hottest; `peak` [x, y] and `box` [x, y, width, height]
 * are fractions of the picture, null where nothing is to be seen that makes the sound.
 */
export interface LocalizationMap {
  type: "localization";
  participant: string;
  t: number;
  score: number;
  peak: [number, number] | null;
  box: [number, number, number, number] | null;
  rows: number;
  columns: number;
  heat: string;
}

/**
 * How somebody's made mouth moves: a row of eleven signed bytes for each 40 ms, the newest last.
 *
 * `at` is when the first row's sound is heard, seconds of the mix (RTP time stamp = (sound_base of `slots` +
 * round(at * 48000)) mod 2^32); null while nobody can hear it. Ten amounts, 31 to a standard deviation, then how far
 * the mouth leaves its rest, of 127. The last rows are guesses, which later messages replace.
 */
export interface Mouth {
  type: "mouth";
  participant: string;
  at: number | null;
  rows: string;
}

/** The call goes on where all until the `heard`-th message after the hello is known: join, then leave this place. */
export interface Moved {
  type: "moved";
  heard: number;
}

/** Pass somebody's sound on to nobody, until they unmute themselves. */
export interface MuteForAll {
  type: "mute_for_all";
  participant: string;
  muted: boolean;
}

/** Make the links worth nothing that there are, and new ones. */
export interface NewLinks {
  type: "new_links";
}

/** Somebody who waits. */
export interface Newcomer {
  id: string;
  name: string;
}

/**
 * What became of the server, for everyone: it is about to stop, or a part of it is down, or up again.
 *
 * The observer's process makes captions, tags and descriptions; the one that looks follows faces; what keeps the call
 * in a second place fails, for instance, when its disk is full.
 */
export interface Notice {
  type: "notice";
  code: "stopping" | "observer_down" | "observer_up" | "looking_down" | "looking_up" | "keeping_down" | "keeping_up";
  reason: string;
}

/**
 * One participant as the others see it; `faces` maps the number of a face or voice to the name it was given.
 *
 * `muted`: the host muted them for everyone, until they unmute themselves. `screen_of`: who shares it, if
 * it is a screen. `portrait` stands for them while their camera is off, if they want one.
 */
export interface ParticipantState {
  id: string;
  name: string;
  publishing: boolean;
  audio: boolean;
  video: boolean;
  connected: boolean;
  faces: Record<string, string>;
  host: boolean;
  muted: boolean;
  screen_of: string | null;
  portrait: PortraitState | null;
}

/** Heartbeat; `n` comes back in the pong. */
export interface Ping {
  type: "ping";
  n: number;
}

/** Answer to ping. */
export interface Pong {
  type: "pong";
  n: number;
}

/**
 * A made picture that stands for somebody while their camera is off.
 *
 * `made` of a photo they took, or of nothing but their voice; `version` grows when it is replaced. What is needed to
 * draw it is at `GET /rooms/{room}/portraits/{participant}`.
 */
export interface PortraitState {
  made: "photo" | "voice";
  version: number;
}

/** Show a reaction to everyone, for a moment. */
export interface React {
  type: "react";
  mark: "thumb" | "heart" | "laugh" | "surprise" | "celebrate";
}

/** Somebody's reaction, to be shown for a moment. */
export interface Reaction {
  type: "reaction";
  participant: string;
  mark: "thumb" | "heart" | "laugh" | "surprise" | "celebrate";
}

/** Begin to record the call, or end it; for hosts. */
export interface RecordCall {
  type: "record";
  on: boolean;
}

/** Whoever is before this page is shown that the call is recorded; of nobody else anything is written down. */
export interface RecordingShown {
  type: "recording_shown";
  recording: string;
}

/**
 * Whether the call is recorded.
 *
 * `announced`: everybody is being told, and nothing is recorded before; `recording`: its id, to be sent back when it
 * is shown; `offered`: whether this server records; `since`: Unix seconds; `reason`: why it ended by itself.
 */
export interface RecordingState {
  type: "recording";
  state: "off" | "announced" | "on";
  recording: string | null;
  offered: boolean;
  since: number | null;
  reason: string;
}

/** End somebody's stay; what they hold does not let them back. */
export interface Remove {
  type: "remove";
  participant: string;
}

/** Name a participant (face null), or one of their faces, or a voice that belongs to no face. */
export interface Rename {
  type: "rename";
  participant: string;
  face: number | null;
  name: string;
}

/** The room's state after a change. */
export interface RoomChanged {
  type: "room";
  room: RoomState;
}

/** Who may come in, and how much of what was said and seen before they get: all, none, or the last minutes. */
export interface RoomRules {
  locked: boolean;
  waiting_room: boolean;
  past: "all" | "none" | number;
}

/** Who is here; `links` counts how often the host replaced the links, `hands` are raised, the first first. */
export interface RoomState {
  id: string;
  participants: ParticipantState[];
  voices_separated: boolean;
  rules: RoomRules;
  links: number;
  hands: string[];
}

/** Write a line to everyone. */
export interface Say {
  type: "say";
  text: string;
}

/** What is to be seen in the picture captured at `t`. */
export interface SceneDescription {
  type: "scene";
  participant: string;
  t: number;
  text: string;
  words: SceneWord[];
}

/** One word of a description, and where the network looked for it: 14 x 14 bytes, 255 the hottest. */
export interface SceneWord {
  word: string;
  heat: string;
}

/** Find a moment of the call. */
export interface Search {
  type: "search";
  id: number;
  query: string;
}

export type ServerMessage = Welcome | Pong | Token | RoomChanged | FadersChanged | Faces | Slots | Status | Notice | Moved | Hearing | EchoHeard | Mouth | Error | Waiting | WaitingList | Links | RecordingState | ChatLine | ChatHistory | Reaction | LocalizationMap | SoundTags | SpectrogramColumns | CaptionLine | SceneDescription | Answer | FoundMoments;

/** Have descriptions of what is seen read aloud while nobody speaks, or not. */
export interface SetAnnouncer {
  type: "announcer";
  on: boolean;
}

/** Set how loud one speaker, or everything else, of a participant is: linear gain, 1 is unchanged. */
export interface SetFader {
  type: "fader";
  participant: string;
  face: number | "rest";
  gain: number;
}

/** Hear only one speaker, only one participant (face null), or everyone (participant null). */
export interface SetFocus {
  type: "focus";
  participant: string | null;
  face: number | null;
}

/** Raise one's own hand, or lower it; a host lowers everybody's. */
export interface SetHand {
  type: "hand";
  participant: string;
  raised: boolean;
}

/** Do not hear this participant at all. */
export interface SetMute {
  type: "mute";
  participant: string;
  muted: boolean;
}

/**
 * Draw a face for one's own voice, from what one says next, or put one's own portrait away.
 *
 * A portrait of a photo is made by `POST /rooms/{room}/portrait`. Neither names anybody: nobody asks for others.
 */
export interface SetPortrait {
  type: "portrait";
  voice: boolean;
}

/** Settle the room's rules. */
export interface SetRules {
  type: "rules";
  rules: RoomRules;
}

/** Say who said a finished line: a speaker of this participant, or what no speaker accounts for (face null). */
export interface SetSpeaker {
  type: "speaker";
  participant: string;
  line: number;
  face: number | null;
}

/** Show the spectrogram of a participant's mixture (face null) or of one voice; participant null shows none. */
export interface SetSpectrogram {
  type: "spectrogram";
  participant: string | null;
  face: number | null;
}

/** Take the noise out of what this participant sends, for everybody who hears it, or no longer. */
export interface SetSuppression {
  type: "suppression";
  on: boolean;
}

/** Say how large pictures are shown; those that are not mentioned are shown at any size. */
export interface SetView {
  type: "view";
  tiles: TileSize[];
}

/** Whose picture a video m-line carries; RTP time stamp = (rtp_base + round(t * 90000)) mod 2^32. */
export interface Slot {
  mid: string;
  participant: string;
  rtp_base: number | null;
}

/** Which video m-line carries whom; slots not listed are empty. `sound_base`: see `Mouth`, null without sound. */
export interface Slots {
  type: "slots";
  slots: Slot[];
  sound_base: number | null;
}

/** What is heard at `t`, most probable first; empty when it is over. */
export interface SoundTags {
  type: "sound";
  participant: string;
  t: number;
  tags: [string, number][];
}

/**
 * Columns of a spectrogram, the first at `t`, one each `hop` seconds.
 *
 * `data` holds `bands` bytes a column, from `low` to `high` Hz in equal steps; 0 is -90 dB of full scale, 255 is -10.
 */
export interface SpectrogramColumns {
  type: "spectrogram";
  participant: string;
  face: number | null;
  t: number;
  hop: number;
  bands: number;
  low: number;
  high: number;
  data: string;
}

/** Whether voices are separated now, and if not, why. */
export interface Status {
  type: "status";
  voices_separated: boolean;
  reason: string;
}

/** How wide a participant's picture is shown, in points of the screen; 0: nobody sees it. */
export interface TileSize {
  participant: string;
  width: number;
}

/** A fresh session token, good for `expires_in` seconds. */
export interface Token {
  type: "token";
  token: string;
  expires_in: number;
}

/** A voice that belongs to no face: of somebody who is not in the picture. */
export interface VoiceOverlay {
  id: number;
  name: string | null;
  speaking: number;
  voice: "unknown" | "listening" | "known" | "dropped";
  voice_confidence: number;
}

/** Answer to hello, for somebody whom the host has to let in; a welcome comes when that is done. */
export interface Waiting {
  type: "waiting";
}

/** For hosts: who waits to be let in. */
export interface WaitingList {
  type: "waiting_list";
  waiting: Newcomer[];
}

/** Answer to hello. */
export interface Welcome {
  type: "welcome";
  participant: string;
  room: RoomState;
  faders: FaderState;
}
