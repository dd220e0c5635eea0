"""Captions, and the transcript they make."""

import time

import numpy as np

from tests.streamer.rooms.conftest import caption, received


async def test_final_captions_make_the_transcript_under_the_face_s_name(room):
    insights, observer, ann, bob = room
    ann.name_face(2, "Grace")
    now = time.time()
    observer.sessions[ann.id](caption(2, 0, "We met", now, now + 1, False))
    observer.sessions[ann.id](caption(2, 0, "We met on Monday.", now, now + 2, True, np.zeros(4, np.float32).tobytes()))
    observer.sessions[ann.id](caption(None, 1, "Indeed.", now + 3, now + 4, True, np.zeros(4, np.float32).tobytes()))
    lines = await received(bob)
    # The partial waited with the final one for the same place: the newest is told.
    assert [(line["id"], line["text"], line["final"]) for line in lines] == [
        (0, "We met on Monday.", True),
        (1, "Indeed.", True),
    ]
    text = insights.captions.transcript.text()
    assert text.index("Grace") < text.index("We met on Monday.") < text.index("Ann") < text.index("Indeed.")
    assert "We met on Monday." in insights.captions.transcript.vtt()
    # A name given later stands on earlier lines too, as on the page.
    ann.name_face(2, "Grace H.")
    ann.name = "Anna"
    insights.forget(ann)
    assert "<v Grace H.>We met on Monday." in insights.captions.transcript.vtt()
    assert "Anna: Indeed." in insights.captions.transcript.srt()
