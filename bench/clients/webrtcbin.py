"""GStreamer's webrtcbin. Usage: /usr/bin/python3 webrtcbin.py CALL (Debian's Python: it has gi)."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from typing import Any
from urllib.parse import urljoin

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

LIMIT = 30.0

SOUND = "audiotestsrc is-live=true ! opusenc ! rtpopuspay pt=96 ! application/x-rtp,media=audio,payload=96 ! send."
PICTURES = (
    "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! "
    "vp8enc deadline=1 keyframe-max-dist=30 ! rtpvp8pay pt=97 ! application/x-rtp,media=video,payload=97 ! send."
)
RECEIVED = (
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=96,clock-rate=48000",
    "application/x-rtp,media=video,encoding-name=VP8,payload=97,clock-rate=90000",
)


class Failed(Exception):
    pass


def until(condition: Any, end: float, what: str) -> None:
    """Run GLib's loop until something is so."""
    context = GLib.MainContext.default()
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what} within {LIMIT:g} s")
        context.iteration(False)
        time.sleep(0.005)


class Session:
    """One webrtcbin and its WHIP or WHEP session."""

    def __init__(self, pipeline: Any, url: str, token: str, end: float, what: str) -> None:
        self.pipeline, self.bin, self.what, self.end = pipeline, pipeline.get_by_name("send"), what, end
        self.url, self.headers = url, {"Authorization": f"Bearer {token}"}
        self.session: str | None = None

    def open(self) -> None:
        self.pipeline.set_state(Gst.State.PLAYING)
        # The payloaders' caps have to be there before the offer is made.
        until(self._ready, self.end, f"{self.what}: no caps")
        promise = self._ask("create-offer", None)
        # The offer is part of the reply, which has to be kept as long.
        reply = promise.get_reply()
        self._ask("set-local-description", reply.get_value("offer"))
        gathered = GstWebRTC.WebRTCICEGatheringState.COMPLETE
        until(lambda: self.bin.get_property("ice-gathering-state") == gathered, self.end, f"{self.what}: no candidates")
        sdp = self.bin.get_property("local-description").sdp.as_text()
        request = urllib.request.Request(
            self.url, sdp.encode(), self.headers | {"Content-Type": "application/sdp"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=LIMIT) as response:
            answer = response.read().decode()
            self.session = urljoin(self.url, response.headers["location"])
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        described = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self._ask("set-remote-description", described)
        until(self._connected, self.end, f"{self.what}: not connected")

    def _ask(self, signal: str, argument: Any) -> Any:
        """Emit a signal and wait for its promise, which has to be kept meanwhile."""
        promise = Gst.Promise.new()
        self.bin.emit(signal, argument, promise)
        promise.wait()
        return promise

    def _ready(self) -> bool:
        return all(pad.get_current_caps() is not None for pad in self.bin.sinkpads)

    def _connected(self) -> bool:
        state = self.bin.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
            raise Failed(f"{self.what}: failed")
        return bool(state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED)

    def close(self) -> None:
        if self.session is not None:
            request = urllib.request.Request(self.session, headers=self.headers, method="DELETE")
            urllib.request.urlopen(request, timeout=LIMIT).close()
        self.pipeline.set_state(Gst.State.NULL)


def publishing() -> Any:
    return Gst.parse_launch(f"webrtcbin name=send bundle-policy=max-bundle {SOUND} {PICTURES}")


def watching(received: dict[str, int]) -> Any:
    pipeline = Gst.Pipeline.new(None)
    viewer = Gst.ElementFactory.make("webrtcbin", "send")
    viewer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
    pipeline.add(viewer)
    for caps in RECEIVED:
        viewer.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))

    def added(_: Any, pad: Any) -> None:
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        sink = Gst.ElementFactory.make("fakesink", None)
        sink.set_property("signal-handoffs", True)
        sink.set_property("sync", False)
        sink.set_property("async", False)

        def handed(*_: Any) -> None:
            received[kind] = received.get(kind, 0) + 1

        sink.connect("handoff", handed)
        pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    viewer.connect("pad-added", added)
    return pipeline


def connect(call: dict[str, Any]) -> dict[str, float]:
    began = time.monotonic()
    end = began + LIMIT
    room = f"{call['server']}/rooms/{call['room']}"
    publisher = Session(publishing(), f"{room}/whip", call["invite"], end, "publish")
    sessions = [publisher]
    try:
        publisher.open()
        publish = time.monotonic() - began
        watched = time.monotonic()
        received: dict[str, int] = {}
        viewer = Session(watching(received), f"{room}/whep", call["watch"], end, "watch")
        sessions.append(viewer)
        viewer.open()
        for kind in ("audio", "video"):
            until(lambda kind=kind: received.get(kind, 0), end, f"watch: no {kind}")
        return {"publish": 1000 * publish, "watch": 1000 * (time.monotonic() - watched)}
    finally:
        for session in sessions:
            session.close()


def main() -> None:
    Gst.init(None)
    call = json.loads(sys.argv[1])
    for _ in range(call["count"]):
        try:
            said: dict[str, Any] = connect(call)
        except (Failed, OSError) as error:
            said = {"error": str(error)}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
