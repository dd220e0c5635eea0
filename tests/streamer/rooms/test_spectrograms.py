"""Who is sent columns of which spectrogram."""

import base64

from streamer.observer.types import Columns
from tests.streamer.rooms.conftest import received


async def test_columns_go_only_to_who_asked_for_them(room):
    insights, observer, ann, bob = room
    insights.spectrograms.show(bob, ann.id, None)
    assert observer.shown == {ann.id: {None}}
    observer.sessions[ann.id](Columns(None, 5.0, 0.02, 64, 0.0, 8000.0, bytes(128)))
    observer.sessions[ann.id](Columns(3, 5.0, 0.02, 64, 0.0, 8000.0, bytes(128)))
    assert await received(ann) == []
    (columns,) = await received(bob)
    assert (columns["face"], columns["t"], len(base64.b64decode(columns["data"]))) == (None, 5.0, 128)
    insights.spectrograms.show(bob, None, None)
    assert observer.shown == {ann.id: set()}


async def test_a_spectrogram_asked_for_before_there_is_a_stream_is_shown_when_there_is(room):
    insights, observer, ann, bob = room
    insights.spectrograms.show(ann, bob.id, 2)
    observer.shown.clear()
    insights.follow(bob)
    assert observer.shown == {bob.id: {2}}
