// One connection of a client that has the W3C's API: what it publishes comes back to it by the server.

const LIMIT = 30_000;

const settled = async (pc) => {
  while (pc.iceGatheringState !== "complete") {
    await new Promise((done) => pc.addEventListener("icegatheringstatechange", done, { once: true }));
  }
};

/** Waits until `condition` gives something, at most until `end`; says `what` did not come. */
const until = async (condition, end, what) => {
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`${what} within ${LIMIT / 1000} s`);
    await new Promise((done) => setTimeout(done, 20));
  }
};

/** Sends an offer to an endpoint and applies its answer; returns how to end the session. */
const open = async (pc, url, token) => {
  const headers = { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` };
  await pc.setLocalDescription(await pc.createOffer());
  await settled(pc);
  const answer = await fetch(url, { method: "POST", headers, body: pc.localDescription.sdp });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  const session = new URL(answer.headers.get("location"), url);
  await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  return () => fetch(session, { method: "DELETE", headers: { Authorization: headers.Authorization } });
};

const connected = (pc, end, what) =>
  until(() => {
    if (pc.connectionState === "failed") throw new Error(`${what}: failed`);
    return pc.connectionState === "connected";
  }, end, `${what}: not connected`);

/** Counts what has come of a kind: packets of sound, decoded pictures. */
const received = async (pc, kind) => {
  for (const report of (await pc.getStats()).values()) {
    if (report.type === "inbound-rtp" && report.kind === kind) {
      return (kind === "video" ? report.framesDecoded : report.packetsReceived) ?? 0;
    }
  }
  return 0;
};

/**
 * Publishes and watches once.
 * @param call {server, room, invite, watch} as the bench hands it over
 * @param tracks to publish, of sound and of pictures
 * @returns {publish, watch}: milliseconds from the offer to connected, and to the first sound and picture
 */
export const connect = async (call, tracks) => {
  const publisher = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const viewer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const closing = [];
  try {
    const began = performance.now();
    const end = began + LIMIT;
    for (const track of tracks) publisher.addTransceiver(track, { direction: "sendonly" });
    closing.push(await open(publisher, `${call.server}/rooms/${call.room}/whip`, call.invite));
    await connected(publisher, end, "publish");
    const publish = performance.now() - began;
    const watched = performance.now();
    for (const kind of ["audio", "video"]) viewer.addTransceiver(kind, { direction: "recvonly" });
    closing.push(await open(viewer, `${call.server}/rooms/${call.room}/whep`, call.watch));
    await connected(viewer, end, "watch");
    for (const kind of ["audio", "video"]) {
      await until(() => received(viewer, kind), end, `watch: no ${kind}`);
    }
    return { publish, watch: performance.now() - watched };
  } finally {
    for (const close of closing) await close();
    publisher.close();
    viewer.close();
  }
};
