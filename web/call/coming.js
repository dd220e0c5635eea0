/** What comes by a receiving connection just now, as far as the browser says. */

/** @import { Slot } from "../types.js" */

const RECENT_MS = 1000;

/**
 * @typedef {object} Coming
 * @property {Set<string>} pictures of which participants
 * @property {boolean} sound
 */

/**
 * @param {RTCRtpReceiver} receiver
 * @returns {boolean} whether it has given something to its track in the last second (W3C WebRTC, getSynchronizationSources)
 */
function flows(receiver) {
  const since = performance.timeOrigin + performance.now() - RECENT_MS;
  return receiver.getSynchronizationSources().some(({ timestamp }) => timestamp > since);
}

/**
 * @param {RTCPeerConnection | undefined} pc
 * @param {Slot[]} slots whose picture is where
 * @returns {Coming}
 */
export function coming(pc, slots) {
  const flowing = pc?.getTransceivers().filter(({ receiver }) => flows(receiver)) ?? [];
  const mids = new Set(flowing.map(({ mid }) => mid));
  return {
    pictures: new Set(slots.filter(({ mid }) => mids.has(mid)).map(({ participant }) => participant)),
    sound: flowing.some(({ receiver }) => receiver.track.kind === "audio"),
  };
}
