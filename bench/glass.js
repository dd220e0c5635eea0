// A camera whose pictures say when they were painted and a microphone that beeps at every full second; and what looks and
// listens for them. Clocks are those of one machine: milliseconds since 1970.

const WIDTH = 640;
const HEIGHT = 480;
const CELLS = 16; // bits in a row; a second row has their complement
const CELL = WIDTH / CELLS;
const BEEP_S = 0.04;
const [SOFT, LOUD] = [0.01, 0.5]; // a microphone is never silent

const wall = (moment = performance.now()) => performance.timeOrigin + moment;

/** The earliest that `context` has ever been, against the wall clock: it moves on by whole buffers. */
const aligned = (context) => {
  let best = Infinity;
  const look = () => {
    best = Math.min(best, wall() - context.currentTime * 1000);
  };
  for (let i = 0; i < 100; i += 1) setTimeout(look, 10 * i);
  return { ready: new Promise((done) => setTimeout(() => done(best), 1100)) };
};

const worklet = (context, name, code) =>
  context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" }))).then(() => new AudioWorkletNode(context, name));

/** Returns the tracks of the camera and the microphone, made once. */
let made = null;
globalThis.glassCamera = () => (made ??= makeCamera());

const makeCamera = async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  const stream = canvas.captureStream(0);
  const [video] = stream.getVideoTracks();
  let n = 0;
  setInterval(() => {
    n += 1;
    paint.fillStyle = `hsl(${n % 360} 40% 50%)`;
    paint.fillRect(0, 0, WIDTH, HEIGHT);
    const now = Math.round(wall()) % 2 ** CELLS;
    for (let bit = 0; bit < CELLS; bit += 1) {
      const on = (now >> bit) & 1;
      for (const [row, white] of [on, 1 - on].entries()) {
        paint.fillStyle = white ? "#fff" : "#000";
        paint.fillRect(bit * CELL, row * CELL, CELL, CELL);
      }
    }
    video.requestFrame();
  }, 1000 / 30);

  const context = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
  await context.resume();
  const offset = await aligned(context).ready;
  const tone = new OscillatorNode(context, { frequency: 1000 });
  const gain = new GainNode(context, { gain: SOFT });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  tone.connect(gain).connect(out);
  tone.start();
  let next = Math.ceil(wall() / 1000) * 1000 + 1000;
  setInterval(() => {
    while (next < wall() + 3000) {
      const at = (next - offset) / 1000;
      gain.gain.setValueAtTime(LOUD, at);
      gain.gain.setValueAtTime(SOFT, at + BEEP_S);
      next += 1000;
    }
  }, 500);
  return { video, audio: out.stream.getAudioTracks()[0] };
};

/** In place of the browser's own devices. */
globalThis.glassDevices = () => {
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const { video, audio } = await glassCamera();
    return new MediaStream([...(wanted.video ? [video.clone()] : []), ...(wanted.audio ? [audio.clone()] : [])]);
  };
};

const pictures = [];
const sounds = [];

/** Looks at what a <video> shows: each picture's age when it is due on the screen. */
globalThis.glassLook = (video) => {
  const canvas = new OffscreenCanvas(CELLS, 2);
  const small = canvas.getContext("2d", { willReadFrequently: true });
  const look = (_now, { expectedDisplayTime, width }) => {
    video.requestVideoFrameCallback(look);
    const cell = width / CELLS;
    // The middle of every cell, whose edges are blurred.
    for (let row = 0; row < 2; row += 1)
      for (let bit = 0; bit < CELLS; bit += 1) small.drawImage(video, (bit + 0.4) * cell, (row + 0.4) * cell, cell / 5, cell / 5, bit, row, 1, 1);
    const { data } = small.getImageData(0, 0, CELLS, 2);
    let code = 0;
    for (let bit = 0; bit < CELLS; bit += 1) {
      const [on, off] = [data[4 * bit], data[4 * (CELLS + bit)]];
      if (Math.abs(on - off) < 100) return; // not one of these pictures, or not readable
      code += on > off ? 2 ** bit : 0;
    }
    pictures.push((wall(expectedDisplayTime) - code) % 2 ** CELLS);
  };
  video.requestVideoFrameCallback(look);
};

/** Listens to a stream: the age of each beep when it leaves for the loudspeaker. */
globalThis.glassListen = async (stream) => {
  const context = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
  await context.resume();
  const node = await worklet(
    context,
    "onsets",
    `registerProcessor("onsets", class extends AudioWorkletProcessor {
      quiet = 0;
      process([[pcm]]) {
        for (const [i, sample] of (pcm ?? []).entries()) {
          if (Math.abs(sample) < ${LOUD / 4}) { this.quiet += 1; continue; }
          if (this.quiet > sampleRate / 4) this.port.postMessage((currentFrame + i) / sampleRate);
          this.quiet = 0;
        }
        return true;
      }
    });`,
  );
  const offset = await aligned(context).ready;
  new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(node).connect(context.destination);
  node.port.onmessage = ({ data }) => sounds.push((offset + (data + context.baseLatency) * 1000) % 1000);
};

globalThis.glassSeen = () => ({ pictures: pictures.splice(0), sounds: sounds.splice(0) });

// What a page without a product does: one connection each way.

const gathered = async (pc) => {
  while (pc.iceGatheringState !== "complete") await new Promise((done) => pc.addEventListener("icegatheringstatechange", done, { once: true }));
  return pc.localDescription.sdp;
};

let sender = null;
globalThis.glassPublish = async () => {
  sender = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const { video, audio } = await glassCamera();
  const stream = new MediaStream([audio, video]);
  for (const track of [audio, video]) sender.addTransceiver(track, { direction: "sendonly", streams: [stream] });
  await sender.setLocalDescription();
  return gathered(sender);
};
globalThis.glassPublished = (sdp) => sender.setRemoteDescription({ type: "answer", sdp });

let receiver = null;
/** @param {string | null} offer another's; null to make one */
globalThis.glassWatch = async (offer) => {
  receiver = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  receiver.addEventListener("track", ({ track }) => {
    const element = document.body.appendChild(document.createElement(track.kind));
    element.autoplay = true;
    element.srcObject = new MediaStream([track]);
    if (track.kind === "video") glassLook(element);
    else void glassListen(element.srcObject);
  });
  if (offer) await receiver.setRemoteDescription({ type: "offer", sdp: offer });
  else for (const kind of ["audio", "video"]) receiver.addTransceiver(kind, { direction: "recvonly" });
  await receiver.setLocalDescription();
  return gathered(receiver);
};
globalThis.glassWatched = (sdp) => receiver.setRemoteDescription({ type: "answer", sdp });
