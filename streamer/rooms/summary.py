"""What is told of a call at its end."""

from __future__ import annotations

from streamer.rooms.captions import speaker_name
from streamer.rooms.insights import Insights
from streamer.transcripts.summary import Utterance
from streamer.transcripts.summary_page import Gathered, Picture


def gather(insights: Insights, since: float) -> Gathered:
    """Collect what was said, written and seen.

    Args:
        insights: of the room.
        since: monotonic seconds; what was before is not for who asks.

    Returns:
        It, under the names that everybody has now.
    """
    said = [Utterance(one.line.start, one.line.end, one(), one.line.text) for one in insights.captions.lines(since)]
    written = [Utterance(one.t, one.t, one.name, one.text, written=True) for one in insights.chat.lines(since)]
    names = {person.id: speaker_name(person, None) for person in insights.people()}
    pictures = [
        Picture(moment.t, names.get(moment.participant, ""), moment.thumbnail)
        for moment in insights.search.index.scenes(since)
        if moment.thumbnail
    ]
    return Gathered(sorted(said + written, key=lambda line: line.start), pictures)
