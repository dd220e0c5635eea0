// Connections that only receive; Python carries their offers and answers, and asks what they have seen.

const listeners = [];

const settled = async (pc) => {
  while (pc.iceGatheringState !== "complete") {
    await new Promise((done) => pc.addEventListener("icegatheringstatechange", done, { once: true }));
  }
  return pc.localDescription.sdp;
};

const make = () => {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  pc.addEventListener("track", ({ track }) => {
    // What nobody plays is not asked for: then nothing is concealed either.
    const element = document.createElement(track.kind);
    element.srcObject = new MediaStream([track]);
    element.play();
    pc.addEventListener("end", () => element.remove());
  });
  return listeners.push(pc) - 1;
};

/** Makes a connection and returns [its number, its offer]. */
globalThis.offer = async () => {
  const number = make();
  const pc = listeners[number];
  for (const kind of ["audio", "video"]) pc.addTransceiver(kind, { direction: "recvonly" });
  await pc.setLocalDescription(await pc.createOffer());
  return [number, await settled(pc)];
};

globalThis.accept = ([number, sdp]) => listeners[number].setRemoteDescription({ type: "answer", sdp });

/** Makes a connection from an offer and returns [its number, its answer]. */
globalThis.answer = async (sdp) => {
  const number = make();
  const pc = listeners[number];
  await pc.setRemoteDescription({ type: "offer", sdp });
  await pc.setLocalDescription(await pc.createAnswer());
  return [number, await settled(pc)];
};

/** Returns what a connection has received: counts and seconds since its beginning. */
globalThis.seen = async (number) => {
  const counts = { frames: 0, freezes: 0, frozen: 0, samples: 0, concealed: 0, held: 0, played: 0, asked: 0 };
  for (const report of (await listeners[number].getStats()).values()) {
    if (report.type !== "inbound-rtp") continue;
    if (report.kind === "video") {
      counts.frames = report.framesDecoded ?? 0;
      counts.freezes = report.freezeCount ?? 0;
      counts.frozen = report.totalFreezesDuration ?? 0;
      counts.asked = report.nackCount ?? 0;
    } else {
      counts.samples = report.totalSamplesReceived ?? 0;
      counts.concealed = report.concealedSamples ?? 0;
      counts.held = report.jitterBufferDelay ?? 0;
      counts.played = report.jitterBufferEmittedCount ?? 0;
    }
  }
  return counts;
};

/** Waits until picture and sound that were not made up have come; returns seconds until each, null for never. */
globalThis.back = async ([number, patience]) => {
  const began = performance.now();
  const before = await seen(number);
  const times = { picture: null, sound: null };
  while (performance.now() - began < patience * 1000 && (times.picture === null || times.sound === null)) {
    await new Promise((done) => setTimeout(done, 20));
    const now = await seen(number);
    const passed = (performance.now() - began) / 1000;
    if (now.frames > before.frames) times.picture ??= passed;
    // The end of a fade is not sound again: 100 ms of it are.
    if (now.samples - now.concealed - (before.samples - before.concealed) > 4800) times.sound ??= passed;
  }
  return times;
};

globalThis.end = () => {
  for (const pc of listeners.splice(0)) {
    pc.close();
    pc.dispatchEvent(new Event("end"));
  }
};
