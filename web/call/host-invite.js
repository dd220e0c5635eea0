/** The host's own invite of a room, kept in this tab and out of the address, which people copy and send. */

/** @param {string} room */
const key = (room) => `earshot.host-invite.${room}`;

/**
 * @param {string} room
 * @param {string} invite
 * @returns {boolean} whether it is kept: storage may be forbidden
 */
export function rememberHostInvite(room, invite) {
  try {
    sessionStorage.setItem(key(room), invite);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} room
 * @returns {string} "" when there is none
 */
export function hostInvite(room) {
  try {
    return sessionStorage.getItem(key(room)) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} room */
export function forgetHostInvite(room) {
  try {
    sessionStorage.removeItem(key(room));
  } catch {
    // then it was not kept either
  }
}
