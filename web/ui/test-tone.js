/** A short melody, to hear whether and where one hears. */

const NOTES_HZ = [523, 659, 784];
const NOTE_S = 0.22;
const RATE = 24_000;
const LOUDNESS = 0.25;

/** @returns {Blob} the melody as a WAV file */
function melody() {
  const count = Math.round(RATE * NOTE_S);
  const samples = new Int16Array(count * NOTES_HZ.length);
  NOTES_HZ.forEach((hz, n) => {
    for (let i = 0; i < count; i += 1) {
      // Without a click at either end.
      const fade = Math.min(1, i / 480, (count - i) / 2400);
      samples[n * count + i] = 32767 * LOUDNESS * fade * Math.sin((2 * Math.PI * hz * i) / RATE);
    }
  });
  const head = new DataView(new ArrayBuffer(44));
  /** @param {number} at @param {string} text */
  const write = (at, text) => [...text].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
  write(0, "RIFF");
  head.setUint32(4, 36 + samples.byteLength, true);
  write(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, RATE, true);
  head.setUint32(28, RATE * 2, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  write(36, "data");
  head.setUint32(40, samples.byteLength, true);
  return new Blob([head.buffer, samples], { type: "audio/wav" });
}

/**
 * @param {string} sink id of the loudspeaker, "" = the system's
 * @returns {Promise<void>} when it is over
 * @throws {DOMException} when it could not be played
 */
export async function playTestTone(sink) {
  const audio = new Audio(URL.createObjectURL(melody()));
  try {
    if (sink && "setSinkId" in audio) await audio.setSinkId(sink);
    const over = new Promise((resolve) => audio.addEventListener("ended", resolve, { once: true }));
    await audio.play();
    await over;
  } finally {
    URL.revokeObjectURL(audio.src);
  }
}
