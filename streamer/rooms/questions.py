"""Questions about a participant's picture: typed ones, and those said aloud to "Earshot"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from streamer.messages.insights import LONGEST_QUESTION, Answer, Ask
from streamer.observer.client import ObserverClient, Unavailable
from streamer.rooms import broadcast
from streamer.rooms.participant import Participant
from streamer.rooms.requests import Requests

SPOKEN_QUESTION = re.compile(r"(?:(?:hey|ok|okay),? )?ear ?shot[,.!?]*\s+(\S.*)", re.IGNORECASE)
"""A line that is a question to us."""


class Questions:
    """Has the observer answer.

    Args:
        people: gives everyone in the room.
        observer: models that look and listen.
        requests: do the work.
        known: gives what the call knows itself, given a participant's id and the question; None for all else.
    """

    def __init__(
        self,
        people: Callable[[], Iterable[Participant]],
        observer: ObserverClient,
        requests: Requests,
        known: Callable[[str, str], str | None],
    ) -> None:
        self._people, self._observer, self._requests, self._known = people, observer, requests, known

    def ask(self, asker: Participant, question: Ask) -> None:
        """Answer a question about a participant's picture; the answer goes to who asked."""

        async def answer() -> None:
            self._requests.check_rate(asker)
            message = await self._answer(question.id, question.participant, question.question)
            broadcast.send([asker], message, f"answer {question.id}", passing=True, final=True)

        self._requests.begin(asker, answer, f"question {question.id}", question.id)

    def hear(self, participant: Participant, line: str) -> None:
        """Answer a line that was said aloud, if it is a question to us; the answer goes to everyone."""
        if (spoken := SPOKEN_QUESTION.fullmatch(line)) is None:
            return

        async def answer() -> None:
            self._requests.check_rate(participant)
            message = await self._answer(None, participant.id, spoken[1][:LONGEST_QUESTION])
            broadcast.send(self._people(), message, "answer", passing=True, final=True)

        self._requests.begin(participant, answer, "question")

    async def _answer(self, id: int | None, participant: str, question: str) -> Answer:
        if (certain := self._known(participant, question)) is not None:
            return Answer(id=id, participant=participant, question=question, answers=[(certain, 1.0)], known=True)
        result = await self._observer.ask(participant, question)
        if result is None:
            raise Unavailable("There is no picture of them to look at.")
        answers, known = result
        return Answer(id=id, participant=participant, question=question, answers=answers, known=known)
