// libdatachannel (it is inside OBS) as it comes in npm's node-datachannel. Usage: node datachannel.mjs CALL
// It sends what is encoded already: the call brings packets of Opus (20 ms each) and a key frame of VP8.

import { Audio, PeerConnection, Video } from "node-datachannel";

const LIMIT = 30_000;
const [OPUS, VP8] = [111, 96];

const call = JSON.parse(process.argv[2]);
const sound = call.opus.map((packet) => Buffer.from(packet, "base64"));
const picture = Buffer.from(call.vp8, "base64");

const until = async (condition, end, what) => {
  while (!condition()) {
    if (performance.now() > end) throw new Error(`${what} within ${LIMIT / 1000} s`);
    await new Promise((done) => setTimeout(done, 10));
  }
};

const media = (pc, direction) => {
  const audio = new Audio("0", direction);
  audio.addOpusCodec(OPUS);
  const video = new Video("1", direction);
  video.addVP8Codec(VP8);
  if (direction === "SendOnly") {
    audio.addSSRC(1111, "client", "stream", "sound");
    video.addSSRC(2222, "client", "stream", "pictures");
  }
  return [pc.addTrack(audio), pc.addTrack(video)];
};

const open = async (pc, url, token, end) => {
  const headers = { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` };
  pc.setLocalDescription("offer");
  await until(() => pc.gatheringState() === "complete", end, "no candidates");
  const answer = await fetch(url, { method: "POST", headers, body: pc.localDescription().sdp });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  pc.setRemoteDescription(await answer.text(), "answer");
  const session = new URL(answer.headers.get("location"), url);
  return () => fetch(session, { method: "DELETE", headers: { Authorization: headers.Authorization } });
};

const connected = (pc, end, what) =>
  until(() => {
    if (pc.state() === "failed") throw new Error(`${what}: failed`);
    return pc.state() === "connected";
  }, end, `${what}: not connected`);

const rtp = (type, ssrc, number, timestamp, payload) => {
  const header = Buffer.alloc(12);
  header[0] = 0x80;
  header[1] = type;
  header.writeUInt16BE(number & 0xffff, 2);
  header.writeUInt32BE(timestamp >>> 0, 4);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, payload]);
};

/** Sends sound and, every fifth time, the picture, each whole in one packet; returns how to stop. */
const send = ([audio, video]) => {
  const began = performance.now();
  let [n, pictures] = [0, 0];
  const timer = setInterval(() => {
    while (n * 20 < performance.now() - began) {
      if (audio.isOpen()) audio.sendMessageBinary(rtp(OPUS, 1111, n, 960 * n, sound[n % sound.length]));
      if (n % 5 === 0 && video.isOpen()) {
        // RFC 7741, 4.2: the beginning of partition 0; the marker ends the picture.
        const payload = Buffer.concat([Buffer.from([0x10]), picture]);
        video.sendMessageBinary(rtp(0x80 | VP8, 2222, pictures++, 1800 * n, payload));
      }
      n++;
    }
  }, 10);
  return () => clearInterval(timer);
};

const connect = async () => {
  const publisher = new PeerConnection("publisher", { iceServers: [], disableAutoNegotiation: true });
  const viewer = new PeerConnection("viewer", { iceServers: [], disableAutoNegotiation: true });
  const closing = [];
  let watching = [];
  try {
    const began = performance.now();
    const end = began + LIMIT;
    const sending = media(publisher, "SendOnly");
    closing.push(await open(publisher, `${call.server}/rooms/${call.room}/whip`, call.invite, end));
    await connected(publisher, end, "publish");
    const publish = performance.now() - began;
    closing.push(send(sending));
    const watched = performance.now();
    const received = [0, 0];
    // A track that nobody holds is collected, and hears nothing any more.
    watching = media(viewer, "RecvOnly");
    watching.forEach((track, i) =>
      track.onMessage((packet) => {
        // RTCP comes here too (RFC 5761, 4).
        if (packet.length >= 12 && (packet[1] < 192 || packet[1] > 223)) received[i]++;
      }),
    );
    closing.push(await open(viewer, `${call.server}/rooms/${call.room}/whep`, call.watch, end));
    await connected(viewer, end, "watch");
    await until(() => received[0] > 0, end, "watch: no audio");
    await until(() => received[1] > 0, end, "watch: no video");
    return { publish, watch: performance.now() - watched };
  } finally {
    // Nothing is sent any more when its session ends.
    for (const close of closing.reverse()) await close();
    for (const track of watching) track.close();
    publisher.close();
    viewer.close();
  }
};

for (let i = 0; i < call.count; i++) {
  try {
    console.log(JSON.stringify(await connect()));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
process.exit(0);
