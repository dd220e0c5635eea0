/** The few plain HTTP calls: make a room, invite to it, join it. */
import { t, told } from "../texts/texts.js";

/** @import { CreatedRoom, Entrant, Joined, OwnRoom, PortraitSheet } from "../types.js" */

/** The server answered, and said no. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} reason in the reader's language
   */
  constructor(status, reason) {
    super(reason);
    this.name = "ApiError";
    this.status = status;
  }

  /** Whether asking again unchanged cannot help. */
  get final() {
    return this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }
}

/**
 * @param {unknown} error
 * @returns {string} for people: browsers tell theirs in English
 */
export function reasonOf(error) {
  return error instanceof ApiError ? error.message : t("no connection");
}

/** @returns {Promise<boolean>} whether the server separates voices; taken for granted of one that does not say */
export async function serverSeparates() {
  try {
    const { separates } = await (await fetch("/health")).json();
    return separates !== false;
  } catch {
    return true;
  }
}

/**
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
export async function refusal(response) {
  let reason = "";
  try {
    const body = await response.json();
    if (typeof body.reason === "string") reason = body.reason;
    else if (typeof body.detail === "string") reason = body.detail;
  } catch {
    // A proxy's error page is not JSON: the status has to do.
  }
  return new ApiError(response.status, told(reason) || t("The server answered {status}", { status: String(response.status) }));
}

/**
 * @param {string} path
 * @param {object} body
 * @param {string} [bearer]
 * @returns {Promise<unknown>}
 */
async function post(path, body, bearer) {
  const headers = new Headers({ "Content-Type": "application/json" });
  if (bearer) headers.set("Authorization", `Bearer ${bearer}`);
  const response = await fetch(path, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
    cache: "no-store",
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw await refusal(response);
  return response.status === 202 ? null : response.json();
}

/**
 * @param {string} [secret] the server's secret, where it has one
 * @returns {Promise<OwnRoom>}
 */
export async function createRoom(secret) {
  return /** @type {OwnRoom} */ (await post("/rooms", {}, secret));
}

/**
 * Has two talking portraits come in.
 * @param {string} room
 * @param {string} host the host's invite
 */
export async function startDemo(room, host) {
  await post(`/rooms/${encodeURIComponent(room)}/demo`, {}, host);
}

/**
 * @param {string} room
 * @returns {Promise<CreatedRoom>} fresh invites to the same room
 */
export async function inviteTo(room) {
  return /** @type {CreatedRoom} */ (await post(`/rooms/${encodeURIComponent(room)}/invites`, {}));
}

/**
 * @param {string} room
 * @param {Omit<Entrant, "room"> & { resume?: string }} request
 * @returns {Promise<Joined>}
 */
export async function joinRoom(room, request) {
  return /** @type {Joined} */ (await post(`/rooms/${encodeURIComponent(room)}/join`, request));
}

/**
 * Has one's own portrait made of a photo of oneself.
 * @param {string} room
 * @param {Blob} photo JPEG
 * @param {string} token whose portrait it becomes
 */
export async function sendPhoto(room, photo, token) {
  const response = await fetch(`/rooms/${encodeURIComponent(room)}/portrait`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "image/jpeg" },
    body: photo,
    cache: "no-store",
    signal: AbortSignal.timeout(110_000),
  });
  if (!response.ok) throw await refusal(response);
}

/**
 * @param {string} room
 * @param {string} participant
 * @param {string} token
 * @returns {Promise<PortraitSheet>}
 */
export async function fetchPortrait(room, participant, token) {
  const path = `/rooms/${encodeURIComponent(room)}/portraits/${encodeURIComponent(participant)}`;
  const response = await fetch(path, { headers: { Authorization: `Bearer ${token}` }, cache: "no-store", signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw await refusal(response);
  return response.json();
}
