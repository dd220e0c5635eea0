"""Good inputs of every kind, from which bad ones are made; with what ever broke something, `tests/corpus`."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np

from bench.summary import ROOT
from streamer.recordings.calls.journal import MAGIC, Begun, Ended, Heard, Joined, Packet, Record, Told, packed
from streamer.recordings.out_folder import MADE_BY

CORPUS = ROOT / "tests" / "corpus"

PARTICIPANT = "p0123456789"

_TRANSPORT = ["a=ice-ufrag:abcd", "a=ice-pwd:" + "p" * 22, "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)]
_HEAD = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=setup:actpass"]
_SOUND = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=sendonly", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2"]
_SOUND += [
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=ssrc:1 cname:c",
    "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host",
]
_PICTURE = ["m=video 9 UDP/TLS/RTP/SAVPF 96 97", "a=mid:1", "a=sendonly", "a=rtcp-mux", "a=rtpmap:96 VP8/90000"]
_PICTURE += [
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=ssrc-group:FID 2 3",
    "a=extmap:2 urn:x",
]

OFFER = "".join(line + "\r\n" for line in (*_HEAD, *_SOUND, *_TRANSPORT, *_PICTURE, *_TRANSPORT))

FRAGMENT = "a=ice-ufrag:abcd\r\na=ice-pwd:" + "p" * 22 + "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
FRAGMENT += (
    "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\na=candidate:2 1 udp 1 ::1 9 typ srflx raddr :: rport 0\r\n"
)
FRAGMENT += "a=candidate:3 1 udp 1 0123-4567.local 9 typ host\r\na=end-of-candidates\r\n"


def offers(direction: str) -> list[str]:
    """Return offers to publish ("sendonly") or to watch ("recvonly")."""
    known = [path.read_text("utf-8") for path in sorted((CORPUS / "sdp").glob("*"))]
    return [one.replace("sendonly", direction) for one in (OFFER, OFFER, OFFER, *known)]


def messages() -> list[str]:
    """Return what a page says by its socket, one of each kind but the one that ends it."""
    who = {"participant": PARTICIPANT}
    rules = {"locked": False, "waiting_room": False, "past": "none"}
    kinds: list[dict[str, object]] = [
        {"type": "ping", "n": 1},
        {"type": "hello", "token": "x"},
        {"type": "fader", **who, "face": 1, "gain": 0.5},
        {"type": "fader", **who, "face": "rest", "gain": 1},
        {"type": "focus", **who, "face": None},
        {"type": "mute", **who, "muted": True},
        {"type": "rename", **who, "face": None, "name": "Anna"},
        {
            "type": "rename",
            **who,
            "face": -3,
            "name": "Ben \u202e\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        },
        {"type": "speaker", **who, "line": 4, "face": 1},
        {"type": "view", "tiles": [{**who, "width": 640}]},
        {"type": "suppression", "on": True},
        {"type": "ask", "id": 1, **who, "question": "what is on the table?"},
        {"type": "search", "id": 2, "query": "a brown dog"},
        {"type": "spectrogram", **who, "face": 1},
        {"type": "announcer", "on": True},
        {"type": "portrait", "voice": True},
        {"type": "say", "text": "Hello, all"},
        {"type": "react", "mark": "heart"},
        {"type": "hand", **who, "raised": True},
        {"type": "rules", "rules": rules},
        {"type": "remove", "participant": "p2"},
        {"type": "mute_for_all", **who, "muted": True},
        {"type": "admit", **who, "admitted": True},
        {"type": "record", "on": True},
        {"type": "recording_shown", "recording": "r"},
    ]
    return [json.dumps(one) for one in kinds]


def datagrams() -> list[bytes]:
    """Return STUN, DTLS, RTP and RTCP, as they come from the network."""
    binding = bytes.fromhex("000100002112a442") + bytes(12)
    attributes = bytes.fromhex(
        "00060009616263643a78797a3100000000240004000000018029000800000000000000010025 0000".replace(" ", "")
    )
    check = struct.pack("!HHI", 1, len(attributes), 0x2112A442) + bytes(12) + attributes
    hello = bytes.fromhex("16fefd0000000000000000002e010000220000000000000022fefd") + bytes(36)
    return [binding, check, hello, rtp(111), *reports(), *corpus("stun"), *corpus("dtls")]


def rtp(kind: int) -> bytes:
    """Return an RTP packet of a payload type, with a header extension."""
    head = struct.pack("!BBHII", 0x90, kind, 7, 960, 1) + bytes.fromhex("bede000110ff0000")
    return head + b"\x90\x80\x00\x01\x9d\x01\x2a" + bytes(60)


def reports() -> list[bytes]:
    """Return RTCP: sender and receiver reports, descriptions, goodbye, NACK, PLI, REMB."""
    sender = struct.pack("!BBHIQIII", 0x80, 200, 6, 1, 0xE0000000_00000000, 960, 1, 100)
    receiver = struct.pack("!BBHII", 0x81, 201, 7, 1, 2) + bytes(20)
    described = struct.pack("!BBHI", 0x81, 202, 2, 1) + b"\x01\x01c\x00"
    goodbye = struct.pack("!BBHI", 0x81, 203, 1, 1)
    nack = struct.pack("!BBHIIHH", 0x81, 205, 3, 1, 2, 7, 0xFFFF)
    lost = struct.pack("!BBHII", 0x81, 206, 2, 1, 2)
    remb = struct.pack("!BBHII", 0x8F, 206, 5, 1, 0) + b"REMB\x01\x0f\xff\xff" + bytes(4)
    return [sender, receiver, described, goodbye, nack, lost, remb, sender + described, *corpus("rtcp")]


def corpus(kind: str) -> list[bytes]:
    """Return what is kept in hexadecimal; without the tests' folder nothing."""
    lines = [line for path in sorted((CORPUS / kind).glob("*.hex")) for line in path.read_text("utf-8").splitlines()]
    return [bytes.fromhex(line) for line in lines if not line.startswith("#")]


def journal() -> bytes:
    """Return the recording of a call."""
    pcm = np.zeros(320, "<i2").tobytes()
    kept: list[Record] = [
        Begun(1.0, "room1"),
        Told(1.1, '{"type":"room"}'),
        Packet(1.2, PARTICIPANT, "opus", bytes(20)),
    ]
    kept += [Heard(1.3, PARTICIPANT, pcm, {1: pcm}), Joined(1.4, PARTICIPANT, 2, 1), Ended(2.0, "over")]
    return MAGIC + b"".join(packed(record) for record in kept)


def event_log() -> str:
    """Return the events that `earshot process` writes, a line each."""
    end = {"t": 2.0, "type": "end", "written": {"index.html": "00"}}
    lines: list[dict[str, object]] = [
        {"t": 0.0, "type": "start", "file": "talk.mp4", "made_by": MADE_BY},
        {"t": 0.0, "type": "speakers", "speakers": [{"number": 1, "id": 1, "name": "Anna", "sound": "face-1.wav"}]},
        {"t": 0.0, "type": "audio"},
        {"t": 0.1, "type": "face", "id": 1, "box": [0.1, 0.1, 0.2, 0.2]},
        {"t": 0.2, "type": "turn", "id": 1, "end": 0.9},
        {"t": 0.3, "type": "sound", "tags": [["Speech", 0.9], ["Dog", 0.5]]},
        {"t": 1.0, "type": "caption", "final": True, "face": 1, "start": 0.2, "end": 0.9, "text": "Hi all.",
         "words": [["Hi", 0.2, 0.5], ["all.", 0.5, 0.9]]},
        end,
    ]  # fmt: skip
    return "".join(json.dumps(line) + "\n" for line in lines)


def media_files() -> list[tuple[str, bytes]]:
    """Return small recordings, each with the ending of its name: Matroska, MP4, WAV."""
    made = []
    for ending, codec in ((".mkv", "libopus"), (".mp4", "aac"), (".wav", "pcm_s16le")):
        buffer = io.BytesIO()
        with av.open(buffer, "w", format={".mkv": "matroska", ".mp4": "mp4", ".wav": "wav"}[ending]) as container:
            sound: Any = container.add_stream(codec, rate=48_000, layout="mono")
            picture = container.add_stream("libx264", rate=10) if ending != ".wav" else None
            if picture is not None:
                picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
                for number in range(2):
                    frame = av.VideoFrame.from_ndarray(np.full((48, 32), 100, np.uint8), "yuv420p")
                    frame.pts = number
                    container.mux(picture.encode(frame))
                container.mux(picture.encode(None))
            for number in range(5):
                block = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), "s16", "mono")
                block.sample_rate, block.pts = 48_000, number * 960
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))
        made.append((ending, buffer.getvalue()))
    return made


def temporary(folder: Path, ending: str, content: bytes) -> Path:
    """Write an input that is read from a file."""
    path = folder / f"input{ending}"
    path.write_bytes(content)
    return path
