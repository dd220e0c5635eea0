"""The messages of talking beside talking: chat, reactions, raised hands."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from streamer.messages.base import Message, ParticipantId

LONGEST_LINE = 500
"""Characters of a line of chat."""

JOINERS = "\u200c\u200d"
"""Not printed themselves; scripts and composed emoji need them."""

Mark = Literal["thumb", "heart", "laugh", "surprise", "celebrate"]
"""Reactions there are."""


def _plain_text(text: str) -> str:
    """Keep what is printed, with at most one empty line between others."""
    lines = ("".join(c if c.isprintable() or c in JOINERS else " " for c in line) for line in text.split("\n"))
    plain = re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in lines)).strip()
    if not plain.strip(JOINERS):
        raise ValueError("a line needs a letter")
    return plain


ChatText = Annotated[str, Field(min_length=1, max_length=LONGEST_LINE), AfterValidator(_plain_text)]

# From the page to the server.


class Say(Message):
    """Write a line to everyone."""

    type: Literal["say"]
    text: ChatText


class React(Message):
    """Show a reaction to everyone, for a moment."""

    type: Literal["react"]
    mark: Mark


class SetHand(Message):
    """Raise one's own hand, or lower it; a host lowers everybody's."""

    type: Literal["hand"]
    participant: ParticipantId
    raised: bool


FromTalk = Say | React | SetHand


# From the server to the page.


class ChatLine(Message):
    """A line somebody wrote; `t` is Unix seconds of the server, `name` how they were called when it was sent."""

    type: Literal["chat"] = "chat"
    id: int
    participant: ParticipantId
    name: str
    t: float
    text: str


class ChatHistory(Message):
    """All lines that there are for somebody who comes: they take the place of those the page has."""

    type: Literal["chat_history"] = "chat_history"
    lines: list[ChatLine]


class Reaction(Message):
    """Somebody's reaction, to be shown for a moment."""

    type: Literal["reaction"] = "reaction"
    participant: ParticipantId
    mark: Mark


ForTalk = ChatLine | ChatHistory | Reaction
