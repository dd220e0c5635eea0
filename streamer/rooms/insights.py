"""What was heard, seen and said in a room: told to everyone, kept for the transcript and the search."""

from __future__ import annotations

import asyncio
import base64
import functools
import logging
import re
from collections.abc import Callable, Coroutine, Iterable

import numpy as np

from models.speech.tts import VoiceMissing
from streamer.limits import Limiter
from streamer.messages import insights
from streamer.messages.base import Message
from streamer.messages.protocol import Error
from streamer.observer.client import ObserverClient, Unavailable
from streamer.observer.types import GRID, Caption, Columns, Description, Keyframe, Localization, Observation, Sounds
from streamer.rooms import broadcast
from streamer.rooms.announcer import Announcer
from streamer.rooms.participant import Participant
from streamer.rtc.timeline import now
from streamer.transcripts.search_index import Moment, SearchIndex
from streamer.transcripts.sound_lines import LASTS, SoundLines
from streamer.transcripts.transcript import Transcript

SPOKEN_QUESTION = re.compile(r"(?:(?:hey|ok|okay),? )?ear ?shot[,.!?]*\s+(\S.*)", re.IGNORECASE)
"""A line that is a question to us."""

REPEATED = 30
"""Latest lines of the transcript that someone who joins is told."""

QUESTIONS_A_SECOND, QUESTIONS_AT_ONCE = 1.0, 5.0
"""Questions, searches and downloads of one participant: as a rule, and after a pause."""

log = logging.getLogger("earshot.room")


class Chronicle:
    """A room's memory, and its voice to the pages for all but faces.

    Args:
        people: gives everyone in the room.
        observer: models that look and listen.

    Attributes:
        limiter: how often each participant may have something looked up.
    """

    def __init__(self, people: Callable[[], Iterable[Participant]], observer: ObserverClient) -> None:
        self.announcer = Announcer(people)
        self.transcript = Transcript(begin=now())
        self.limiter = Limiter(QUESTIONS_A_SECOND, QUESTIONS_AT_ONCE)
        self._people = people
        self._observer = observer
        self._moments = SearchIndex()
        self._lines: dict[str, insights.CaptionLine] = {}
        self._scenes: dict[str, insights.SceneCaption] = {}
        self._sounds: dict[str, SoundLines] = {}
        self._spectrograms: dict[str, tuple[str, int | None]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def follow(self, participant: Participant) -> None:
        """Begin to watch a participant."""
        self._sounds[participant.id] = SoundLines()
        self._observer.open(participant.id, lambda observation: self.observed(participant, observation))
        self._request_spectrograms(participant.id)

    def forget(self, participant: Participant) -> None:
        """Watch a participant no more, and drop what only they wanted; what was said and seen stays."""
        self._observer.close_session(participant.id)
        self._scenes.pop(participant.id, None)
        self._sounds.pop(participant.id, None)
        self.show_spectrogram(participant, None, None)
        self.announcer.forget(participant)

    def close(self) -> None:
        """End every question that is still asked, and read no more."""
        self.announcer.close()
        for task in self._asking:
            task.cancel()

    def welcome(self, participant: Participant) -> None:
        """Tell someone who comes what they missed."""
        for scene in self._scenes.values():
            broadcast.tell([participant], scene, f"scene {scene.participant}")
        for topic, line in self._lines.items():
            broadcast.tell([participant], line, topic, passing=True, final=True)

    def observed(self, participant: Participant, observation: Observation) -> None:
        """Take in what the observer says about a participant."""
        if isinstance(observation, Localization):
            self._tell(localization_message(participant, observation), f"localization {participant.id}")
        elif isinstance(observation, Sounds):
            message = insights.SoundTags(participant=participant.id, t=observation.t, tags=observation.tags)
            self._tell(message, f"sound {participant.id}")
            if (line := self._sounds[participant.id].step(observation.t, observation.tags)) is not None:
                self.transcript.add(lambda: participant.name, observation.t, observation.t + LASTS, line)
        elif isinstance(observation, Columns):
            self._show_columns(participant, observation)
        elif isinstance(observation, Description):
            before = self._scenes.get(participant.id)
            scene = self._scenes[participant.id] = scene_message(participant, observation)
            self._tell(scene, f"scene {participant.id}")
            if before is None or before.text != scene.text:
                self.announcer.announce(f"{participant.name}: {scene.text}")
        elif isinstance(observation, Keyframe):
            vector = np.frombuffer(observation.vector, np.float32)
            self._moments.add_picture(participant.id, observation.t, vector, observation.thumbnail)
        else:
            self._said(participant, observation)

    def show_spectrogram(self, listener: Participant, participant: str | None, face: int | None) -> None:
        """Show someone the spectrogram of a participant's mixture (face None) or of a voice; participant None: none."""
        before = self._spectrograms.pop(listener.id, None)
        if participant is not None:
            self._spectrograms[listener.id] = (participant, face)
        for shown in {participant, before[0] if before else None}:
            if shown is not None:
                self._request_spectrograms(shown)

    def read_aloud(self, listener: Participant, wanted: bool) -> None:
        """Begin or stop to read scene captions to someone; they are told if there is no voice."""
        self._begin_task(listener, lambda: self.announcer.want(listener, wanted), "announcer")

    def ask(self, listener: Participant, request: insights.Ask) -> None:
        """Answer a question about a participant's picture; the answer goes to who asked."""

        async def answer() -> None:
            self._limit(listener)
            message = await self._answer(request.id, request.participant, request.question)
            broadcast.tell([listener], message, f"answer {request.id}", passing=True, final=True)

        self._begin_task(listener, answer, f"question {request.id}", request.id)

    def search(self, listener: Participant, request: insights.Search) -> None:
        """Find moments of the call; they go to who asked."""

        async def find() -> None:
            self._limit(listener)
            vector = await self._observer.embed(request.query)
            moments = self._moments.search(vector, request.query)
            message = insights.Found(id=request.id, query=request.query, moments=[found(moment) for moment in moments])
            # Nobody wants the moments of the search before, and with their pictures they are large.
            broadcast.tell([listener], message, "found")

        self._begin_task(listener, find, f"search {request.id}", request.id)

    def _begin_task(
        self,
        listener: Participant,
        work: Callable[[], Coroutine[None, None, None]],
        what: str,
        request: int | None = None,
    ) -> None:
        """Do what takes a while; if it fails, who wants it is told."""

        async def run() -> None:
            try:
                await work()
            except (Unavailable, VoiceMissing) as error:
                refusal = Error(code="unavailable", reason=str(error), request=request)
            except Exception:
                log.exception("what %s wants failed", listener.id)
                refusal = Error(code="failed", reason="That did not work.", request=request)
            else:
                return
            broadcast.tell([listener], refusal, f"error {what}", passing=True, final=True)

        task = asyncio.create_task(run(), name=f"{what} of {listener.id}")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    def _limit(self, participant: Participant) -> None:
        if wait := self.limiter.take(participant.id):
            raise Unavailable(f"Too many questions: wait {wait} s.")

    def _request_spectrograms(self, participant: str) -> None:
        faces = {face for who, face in self._spectrograms.values() if who == participant}
        self._observer.show_spectrograms(participant, faces)

    async def _answer(self, id: int | None, participant: str, question: str) -> insights.Answer:
        result = await self._observer.ask(participant, question)
        if result is None:
            raise Unavailable("There is no picture of them to look at.")
        answers, known = result
        return insights.Answer(id=id, participant=participant, question=question, answers=answers, known=known)

    def _said(self, participant: Participant, caption: Caption) -> None:
        line = insights.CaptionLine(
            participant=participant.id,
            face=caption.face,
            id=caption.id,
            text=caption.text,
            start=caption.start,
            end=caption.end,
            final=caption.final,
        )
        self.announcer.somebody_talks()
        topic = f"caption {participant.id} {caption.id}"
        broadcast.tell(self._people(), line, topic, passing=True, final=caption.final)
        if not caption.final or not caption.text:
            return
        self._lines[topic] = line
        if len(self._lines) > REPEATED:
            del self._lines[next(iter(self._lines))]
        speaker = self._speaker(participant, caption.face)
        name = functools.partial(self._speaker, participant, caption.face)
        self.transcript.add(name, caption.start, caption.end, caption.text)
        vector = np.frombuffer(caption.vector, np.float32)
        self._moments.add_words(participant.id, speaker, caption.start, caption.text, vector)
        if (spoken := SPOKEN_QUESTION.fullmatch(caption.text)) is not None:
            self._answer_aloud(participant, spoken[1])

    def _answer_aloud(self, participant: Participant, question: str) -> None:
        async def answer() -> None:
            self._limit(participant)
            message = await self._answer(None, participant.id, question[: insights.LONGEST_QUESTION])
            broadcast.tell(self._people(), message, "answer", passing=True, final=True)

        self._begin_task(participant, answer, "question")

    def _speaker(self, participant: Participant, face: int | None) -> str:
        """How a voice is called: by its face's name, or by the participant's."""
        if face is None:
            return participant.name
        return participant.face_names.get(face, f"{participant.name}, face {face}")

    def _show_columns(self, participant: Participant, columns: Columns) -> None:
        wanted = (participant.id, columns.face)
        listeners = [person for person in self._people() if self._spectrograms.get(person.id) == wanted]
        if listeners:
            topic = f"spectrogram {participant.id} {columns.face} {columns.t:.2f}"
            broadcast.tell(listeners, columns_message(participant, columns), topic, passing=True)

    def _tell(self, message: Message, topic: str) -> None:
        broadcast.tell(self._people(), message, topic)


def localization_message(participant: Participant, found: Localization) -> insights.LocalizationMap:
    """Write a heat map as a message."""
    return insights.LocalizationMap(
        participant=participant.id,
        t=found.t,
        score=min(max(found.score, 0.0), 1.0),
        peak=found.peak,
        box=found.box,
        rows=GRID,
        columns=GRID,
        heat=_text(found.heat),
    )


def scene_message(participant: Participant, scene: Description) -> insights.SceneCaption:
    """Write a scene caption as a message."""
    words = [insights.SceneWord(word=word, heat=_text(heat)) for word, heat in scene.words]
    return insights.SceneCaption(participant=participant.id, t=scene.t, text=scene.text, words=words)


def columns_message(participant: Participant, columns: Columns) -> insights.SpectrogramColumns:
    """Write columns of a spectrogram as a message."""
    return insights.SpectrogramColumns(
        participant=participant.id,
        face=columns.face,
        t=columns.t,
        hop=columns.hop,
        bands=columns.bands,
        low=columns.low,
        high=columns.high,
        data=_text(columns.data),
    )


def found(moment: Moment) -> insights.FoundMoment:
    """Write a moment as part of a message."""
    thumbnail = None if moment.thumbnail is None else "data:image/jpeg;base64," + _text(moment.thumbnail)
    return insights.FoundMoment(
        participant=moment.participant,
        t=moment.t,
        kind=moment.kind,
        text=moment.text,
        speaker=moment.speaker,
        score=moment.score,
        thumbnail=thumbnail,
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
