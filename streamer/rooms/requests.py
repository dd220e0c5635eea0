"""What one participant asks for and takes a while: done aside, bounded in rate, and answered even when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from models.speech.tts import VoiceMissing
from streamer.limits import RateLimiter
from streamer.messages.protocol import Error
from streamer.observer.client import Unavailable
from streamer.rooms import broadcast
from streamer.rooms.participant import Participant

REQUESTS_A_SECOND, REQUESTS_AT_ONCE = 1.0, 5.0
"""Questions, searches and downloads of one participant: as a rule, and after a pause."""

log = logging.getLogger("earshot.room")


class Requests:
    """The requests of a room that are being worked on.

    Attributes:
        limiter: how often each participant may have something looked up.
    """

    def __init__(self) -> None:
        self.limiter = RateLimiter(REQUESTS_A_SECOND, REQUESTS_AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()

    def check_rate(self, participant: Participant) -> None:
        """Count a request.

        Raises:
            Unavailable: they have asked too much just now.
        """
        if wait := self.limiter.take(participant.id):
            raise Unavailable(f"Too many questions: wait {wait} s.")

    def begin(
        self,
        asker: Participant,
        work: Callable[[], Coroutine[None, None, None]],
        what: str,
        request: int | None = None,
    ) -> None:
        """Do what takes a while; if it fails, who asked is sent the reason.

        Args:
            asker: who wants it.
            work: does it, and sends the answer.
            what: names the task and the topic of the refusal.
            request: the page's number of the request, if it has one.
        """

        async def run() -> None:
            try:
                await work()
            except (Unavailable, VoiceMissing) as error:
                refusal = Error(code="unavailable", reason=str(error), request=request)
            except Exception:
                log.exception("what %s wants failed", asker.id)
                refusal = Error(code="failed", reason="That did not work.", request=request)
            else:
                return
            broadcast.send([asker], refusal, f"error {what}", passing=True, final=True)

        task = asyncio.create_task(run(), name=f"{what} of {asker.id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def close(self) -> None:
        """End everything that is being worked on."""
        for task in self._running:
            task.cancel()
