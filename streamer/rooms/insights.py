"""What is heard, seen and said in a room: each observation to those it is for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from streamer.engine.types import FaceState, SpeakerState
from streamer.messages.base import Message
from streamer.messages.insights import LocalizationMap, SceneDescription, SceneWord, SoundTags
from streamer.observer.client import ObserverClient
from streamer.observer.types import GRID, Caption, Columns, Description, Keyframe, Localization, Observation, Sounds
from streamer.rooms import broadcast
from streamer.rooms.announcer import Announcer
from streamer.rooms.captions import Captions
from streamer.rooms.chat import Chat
from streamer.rooms.known_answers import known_answer
from streamer.rooms.participant import Participant
from streamer.rooms.questions import Questions
from streamer.rooms.requests import Requests
from streamer.rooms.search import MomentSearch
from streamer.rooms.situation import Situation
from streamer.rooms.spectrograms import Spectrograms

PICTURELESS = 15.0
"""Seconds without word from the observer, which repeats itself, after which there is no picture to describe."""

NEWS_AFTER = 30.0
"""Seconds without it after which a part of a description is read aloud again."""


class Insights:
    """Hands what the observer says about the participants to the pages and to the room's memory.

    Args:
        people: gives everyone in the room.
        observer: models that look and listen.

    Attributes:
        announcer: reads descriptions aloud.
        people: gives everyone in the room.
        captions: what was said.
        chat: what was written.
        questions: about pictures.
        requests: what participants ask for, at work.
        search: of moments.
        spectrograms: and who looks at them.
    """

    def __init__(self, people: Callable[[], Iterable[Participant]], observer: ObserverClient) -> None:
        self.announcer = Announcer(people)
        self.captions = Captions(people)
        self.requests = Requests()
        self.questions = Questions(people, observer, self.requests, self._known)
        self.search = MomentSearch(observer, self.requests)
        self.chat = Chat(people, self.captions.transcript, self.search.index)
        self.spectrograms = Spectrograms(people, observer)
        self.people = people
        self._observer = observer
        self._situations: dict[str, Situation] = {}
        self._seen: dict[str, tuple[float, Description]] = {}
        self._descriptions: dict[str, SceneDescription] = {}
        self._announced: dict[str, dict[str, float]] = {}
        """When each part of a participant's description was true last."""

    def follow(self, participant: Participant) -> None:
        """Begin to observe a participant."""
        self.captions.follow(participant)
        self._situations[participant.id] = Situation()
        first = self.captions.next_line(participant)
        self._observer.open(participant.id, lambda observation: self.observed(participant, observation), first)
        self.spectrograms.request(participant.id)

    def forget(self, participant: Participant) -> None:
        """Observe a participant no more, and drop what only they wanted; what was said and seen stays."""
        self._observer.close_session(participant.id)
        for kept in (self._situations, self._seen, self._descriptions, self._announced):
            kept.pop(participant.id, None)
        self.captions.forget(participant)
        self.spectrograms.show(participant, None, None)
        self.announcer.forget(participant)

    def close(self) -> None:
        """End every request, and read no more."""
        self.announcer.close()
        self.requests.close()

    def welcome(self, participant: Participant) -> None:
        """Send someone who comes what they missed."""
        for description in self._descriptions.values():
            broadcast.send([participant], description, f"scene {description.participant}")
        self.captions.welcome(participant)
        self.chat.welcome(participant)

    def read_aloud(self, listener: Participant, wanted: bool) -> None:
        """Begin or stop to read descriptions to someone; they are sent the reason if there is no voice."""
        self.requests.begin(listener, lambda: self.announcer.want(listener, wanted), "announcer")

    def observed(self, participant: Participant, observation: Observation) -> None:
        """Take in what the observer says about a participant."""
        who = participant.id
        if isinstance(observation, Localization):
            place = LocalizationMap.of(observation, participant=who, rows=GRID, columns=GRID)
            self._send(place, f"localization {who}")
        elif isinstance(observation, Sounds):
            self._send(SoundTags.of(observation, participant=who), f"sound {who}")
            self.captions.add_sounds(participant, observation)
            self._situations[who].hear([name for name, _ in observation.tags])
            self._describe(participant)
        elif isinstance(observation, Columns):
            self.spectrograms.send(participant, observation)
        elif isinstance(observation, Description):
            self._seen[who] = (time.monotonic(), observation)
            self._describe(participant, anew=True)
        elif isinstance(observation, Keyframe):
            self.search.add_picture(participant, observation)
        else:
            self._said(participant, observation)

    def looked(self, participant: Participant, faces: list[FaceState], others: list[SpeakerState]) -> None:
        """Take in who is to be seen and who talks."""
        self._situations[participant.id].look(faces, others)
        self._describe(participant)

    def _describe(self, participant: Participant, anew: bool = False) -> None:
        """Say what is known of a participant's picture, and what the captioner sees if it may know such pictures."""
        who = participant.id
        at, seen = self._seen.get(who, (float("-inf"), None))
        if seen is None or time.monotonic() - at > PICTURELESS:
            return

        # It never learnt to describe heads before a camera, or screens.
        captioned = not participant.screen_of and not self._situations[who].heads

        def text(talk: bool) -> str:
            known = self._situations[who].text(
                lambda face: name_of(participant, face), bool(participant.screen_of), talk
            )
            return "; ".join(part for part in (known, seen.text if captioned else "") if part)

        before, whole = self._descriptions.get(who), text(talk=True)
        if (before.text if before is not None else "") == whole and not (anew and whole):
            return
        plain = whole.removesuffix(seen.text) if captioned else whole
        words = [SceneWord(word=word, heat="") for word in plain.split()]
        if captioned:
            words += [SceneWord.model_validate({"word": word, "heat": heat}) for word, heat in seen.words]
        description = SceneDescription(participant=who, t=seen.t, text=whole, words=words)
        self._descriptions[who] = description
        self._send(description, f"scene {who}")
        # Who talks changes all the time, and is heard.
        self._announce(participant, text(talk=False).split("; "))

    def _known(self, who: str, question: str) -> str | None:
        """Answer a question by what the call knows of a participant; None where it does not."""
        participant = next((one for one in self.people() if one.id == who), None)
        if participant is None or participant.screen_of or who not in self._situations:
            return None
        return known_answer(question, self._situations[who], lambda face: name_of(participant, face))

    def _announce(self, participant: Participant, parts: list[str]) -> None:
        """Read aloud what is new, or comes again after a while."""
        now, before = time.monotonic(), self._announced.get(participant.id, {})
        before = {part: at for part, at in before.items() if now - at < NEWS_AFTER}
        new = [part for part in parts if part and part not in before]
        self._announced[participant.id] = before | dict.fromkeys(parts, now)
        if new:
            self.announcer.announce(f"{participant.name}: {'; '.join(new)}")

    def _said(self, participant: Participant, caption: Caption) -> None:
        self.announcer.somebody_talks()
        if (said := self.captions.add(participant, caption)) is not None:
            self.search.add_line(participant, said, caption)
            self.questions.hear(participant, caption.text)

    def _send(self, message: Message, topic: str) -> None:
        broadcast.send(self.people(), message, topic)


def name_of(participant: Participant, face: int | None) -> str | None:
    """Return the name that a face or a voice was given, if it was; for None that of the participant."""
    return participant.name if face is None else participant.face_names.get(face)
