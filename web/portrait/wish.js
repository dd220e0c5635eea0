/** What stands for oneself while one's camera is off: nothing, unless chosen; kept in this page alone. */

/** @import { LocalMedia } from "../call/media.js" */

/** @typedef {"none" | "photo" | "voice"} Made */

/** Pixels of the longer side, and bytes, that a photo may have: the server takes no more than 64 KiB. */
const SIDE = 640;
const MOST_BYTES = 60_000;
const QUALITIES = [0.92, 0.85, 0.75, 0.6, 0.4];

/** Emits "change". */
export class PortraitWish extends EventTarget {
  /** @type {Made} */ made = "none";
  /** @type {Blob | null} */ photo = null;

  /** @param {Made} made */
  choose(made) {
    this.made = made;
    if (made !== "photo") this.photo = null;
    this.dispatchEvent(new Event("change"));
  }

  /**
   * Takes a photo with the camera that is on, and wishes for a portrait made of it.
   * @param {LocalMedia} media
   * @returns {Promise<boolean>} false when there is no picture
   */
  async take(media) {
    const track = media.tracks.video;
    const photo = track && (await photograph(track));
    if (!photo) return false;
    this.photo = photo;
    this.choose("photo");
    return true;
  }
}

/**
 * @param {MediaStreamTrack} track
 * @returns {Promise<Blob | null>}
 */
async function photograph(track) {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  try {
    await video.play();
    const share = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.round(video.videoWidth * share), Math.round(video.videoHeight * share)];
    canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
    for (const quality of QUALITIES) {
      const photo = await new Promise((/** @type {(made: Blob | null) => void} */ resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
      if (photo && photo.size <= MOST_BYTES) return photo;
    }
  } catch {
    // The camera may be gone by now.
  } finally {
    video.srcObject = null;
  }
  return null;
}
