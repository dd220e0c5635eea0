// libwebrtc as it comes in npm's @roamhq/wrtc. Usage: node wrtc.mjs CALL

import { createRequire } from "node:module";
import { connect } from "./webrtc.js";

const wrtc = createRequire(import.meta.url)("@roamhq/wrtc");
globalThis.RTCPeerConnection = wrtc.RTCPeerConnection;

const call = JSON.parse(process.argv[2]);
const sound = new wrtc.nonstandard.RTCAudioSource();
const pictures = new wrtc.nonstandard.RTCVideoSource();
const [width, height] = [320, 240];
let n = 0;

setInterval(() => {
  const samples = Int16Array.from({ length: 480 }, (_, i) => 8000 * Math.sin((2 * Math.PI * 440 * (480 * n + i)) / 48_000));
  sound.onData({ samples, sampleRate: 48_000, bitsPerSample: 16, channelCount: 1, numberOfFrames: 480 });
  if (n++ % 6 === 0) {
    pictures.onFrame({ width, height, data: new Uint8ClampedArray((width * height * 3) / 2).fill(60 + (n % 120)) });
  }
}, 10);

for (let i = 0; i < call.count; i++) {
  const tracks = [sound.createTrack(), pictures.createTrack()];
  try {
    console.log(JSON.stringify(await connect(call, tracks)));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
  for (const track of tracks) track.stop();
}
process.exit(0);
