/** Where the page gets the watch-only invite of a room from: it made the room, or the server gives it one. */
import { ApiError, inviteTo } from "../call/api.js";

/** @param {string} room */
const key = (room) => `earshot.watch-invite.${room}`;

/** @type {Set<string>} rooms whose server gives invites only to those who know its secret */
const refused = new Set();

/**
 * @param {string} room
 * @param {string} invite
 */
function rememberWatchInvite(room, invite) {
  try {
    sessionStorage.setItem(key(room), invite);
  } catch {
    // storage may be forbidden: then the server is asked
  }
}

/** @param {string} room */
function remembered(room) {
  try {
    return sessionStorage.getItem(key(room)) ?? "";
  } catch {
    return "";
  }
}

/**
 * @param {string} room
 * @returns {Promise<string>} "" when there is none to be had
 */
export async function watchInvite(room) {
  const known = remembered(room);
  if (known || refused.has(room)) return known;
  try {
    const { watch_invite } = await inviteTo(room);
    rememberWatchInvite(room, watch_invite);
    return watch_invite;
  } catch (error) {
    if (error instanceof ApiError && error.final) refused.add(room);
    return "";
  }
}
