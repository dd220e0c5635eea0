"""Finding moments of the call: the index of what was seen and said, and the requests to it."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np

from streamer.messages.insights import FoundMoment, FoundMoments, Search
from streamer.observer.client import ObserverClient
from streamer.observer.types import Caption, Keyframe
from streamer.rooms import broadcast
from streamer.rooms.participant import Participant
from streamer.rooms.requests import Requests
from streamer.transcripts.search_index import Moment, SearchIndex


class MomentSearch:
    """Fills a call's index and searches it.

    Args:
        observer: gives queries their vectors.
        requests: do the work.

    Attributes:
        index: what was seen, said and written.
    """

    def __init__(self, observer: ObserverClient, requests: Requests) -> None:
        self._observer, self._requests = observer, requests
        self.index = SearchIndex()

    def add_picture(self, participant: Participant, keyframe: Keyframe) -> None:
        """Take in what a participant's camera shows."""
        vector = np.frombuffer(keyframe.vector, np.float32)
        self.index.add_picture(participant.id, keyframe.t, vector, keyframe.thumbnail)

    def add_line(self, participant: Participant, speaker: Callable[[], str], caption: Caption) -> None:
        """Take in a final line and what gives the name of who said it."""
        vector = np.frombuffer(caption.vector, np.float32)
        self.index.add_words(participant.id, speaker, caption.start, caption.text, vector)

    def find(self, asker: Participant, search: Search) -> None:
        """Find moments of the call; they go to who asked."""

        async def find() -> None:
            self._requests.check_rate(asker)
            seen, said = await self._observer.embed(search.query)
            moments = self.index.search(seen, search.query, since=asker.sees_from, said=said)
            shown = [found_moment(moment) for moment in moments]
            # Nobody wants the moments of the search before, and with their pictures they are large.
            broadcast.send([asker], FoundMoments(id=search.id, query=search.query, moments=shown), "found")

        self._requests.begin(asker, find, f"search {search.id}", search.id)


def found_moment(moment: Moment) -> FoundMoment:
    """Return a moment as part of a message, its picture as a data URL."""
    thumbnail = moment.thumbnail and "data:image/jpeg;base64," + base64.b64encode(moment.thumbnail).decode("ascii")
    return FoundMoment.of(moment, thumbnail=thumbnail)
