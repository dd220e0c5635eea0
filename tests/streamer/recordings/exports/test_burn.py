"""Subtitles in the picture."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from streamer.media.inspect import inspect
from streamer.recordings.exports.burn import draw_again
from streamer.recordings.exports.event_log import sort_events
from streamer.recordings.exports.people import Person, to_event
from streamer.recordings.overlay_draw import PAPER
from streamer.recordings.overlay_video import OverlayWriter
from streamer.transcripts.subtitles import Cue
from tests.media import clip
from tests.streamer.recordings.exports.made import EVENTS, face, left


def test_words_stand_under_the_face_as_long_as_their_subtitle_and_boxes_as_long_as_faces(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", 1.6, size=(320, 240))
    faces = [face(t / 25, 2, 0.3) for t in range(30)]
    log = left(tmp_path, [EVENTS[0], *faces, EVENTS[-1]]) / "events.jsonl"
    sort_events(log, [to_event([Person(2, 2, "Anna")])])
    info = inspect(path)
    cues = [Cue(400, 800, 2, ("Hello there", "Bob")), Cue(900, 1300, None, ("From afar",))]
    draw_again(path, info, log, cues, OverlayWriter(tmp_path / "overlay.mp4", info, names={2: "Anna"}))
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(pictures) == 40
    below, bottom = np.s_[124:150, 100:150], np.s_[226:236, 8:50]

    def paper(i: int, where: tuple[slice, slice]) -> bool:
        return bool((np.abs(pictures[i][where].astype(int) - PAPER[0]) < 30).mean() > 0.4)

    assert [paper(i, below) for i in (8, 12, 18, 22)] == [False, True, True, False]
    assert [paper(i, bottom) for i in (18, 25, 30, 35)] == [False, True, True, False]
    edge = [pictures[i][80, 96] > 140 for i in (5, 20, 28, 36)]
    assert edge == [True, True, True, False]
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) / 48_000 > 1.5
