"""Questions that a call knows the answer to: how many people there are, whether somebody talks, and who.

What is made to follow faces and voices knows it better than a network that looks at one picture. English, as that is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from streamer.engine.types import speaker_name
from streamer.rooms.situation import Situation

_WHERE = r"(?: (?:there|here|now|right now|at the moment|(?:i|o)n (?:the|this|that) \w+))*"
_HOW_MANY = re.compile(
    rf"how many (?:people|persons|faces|humans)(?: (?:are|is|do you see|can you see|can be seen))?{_WHERE}(?: visible)?"
)
_ANYBODY = re.compile(rf"(?:is|are)(?: there)? (?:any|some)(?:body|one| people| person){_WHERE}(?: visible)?")
_TALKS = re.compile(rf"(?:is|are)(?: there)? (?:they|(?:any|some)(?:body|one)){_WHERE} (?:talking|speaking){_WHERE}")
_WHO = re.compile(rf"who(?: is|s| are) (?:talking|speaking){_WHERE}")


def known_answer(question: str, situation: Situation, name_of: Callable[[int | None], str | None]) -> str | None:
    """Answer a question about one participant, in the words in which `models.vision.vqa` answers.

    Args:
        question: as it was asked.
        situation: what is known of the participant.
        name_of: gives the name of a face or a voice, None where it has none; for None that of the participant.

    Returns:
        The answer; None for another question, or where it is not known either.
    """
    asked = " ".join(re.sub(r"[^\w\s]", "", question).lower().split())
    count, talking = situation.count, situation.talking
    if _HOW_MANY.fullmatch(asked):
        return None if count is None else str(count)
    if _ANYBODY.fullmatch(asked):
        return None if count is None else "yes" if count else "no"
    if talking is None:
        return None
    if _TALKS.fullmatch(asked):
        return "yes" if talking else "no"
    if _WHO.fullmatch(asked):
        # Of one person alone it is their name that is known.
        alone = count == 1 and [who for who in talking if who > 0] == talking
        names = [name_of(who) or (alone and name_of(None)) or speaker_name(who) for who in talking]
        return " and ".join(names) or "nobody"
    return None
