"""What subtitles are held to, found from the finished cues alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from streamer.transcripts.subtitles import Cue, Spoken

SENTENCE_ENDS = tuple(".!?…")


def broken_rules(cues: Iterable[Cue]) -> list[str]:
    """Every rule that a cue breaks; speakers are looked at one by one."""
    cues, found = list(cues), []
    ends: dict[Hashable, int] = {}
    if [cue.start for cue in cues] != sorted(cue.start for cue in cues):
        found.append("not in order of time")
    for cue in cues:
        what = f"{cue.start} {cue.lines}: "
        lasts, characters = cue.end - cue.start, len(" ".join(cue.lines))
        if not 1 <= len(cue.lines) <= 2:
            found.append(what + f"{len(cue.lines)} lines")
        if any(not line or line != line.strip() for line in cue.lines):
            found.append(what + "blanks")
        if max(map(len, cue.lines)) > 42:
            found.append(what + "a line of more than 42 characters")
        if not 1000 <= lasts <= 7000:
            found.append(what + f"{lasts} ms")
        if characters * 1000 > 20 * lasts:
            found.append(what + f"{characters} characters in {lasts} ms")
        if cue.start < ends.get(cue.speaker, -1000) + 2 * 1000 / 24:
            found.append(what + "less than two pictures after the one before")
        ends[cue.speaker] = cue.end
    return found


def fragments(cues: Iterable[Cue], spoken: Iterable[Spoken]) -> list[str]:
    """Subtitles of one word to which a neighbour could have given one more word of the same sentence."""
    found = []
    for speaker in {cue.speaker for cue in cues}:
        said = [word for sentence in spoken if sentence.speaker == speaker for word in sentence.words]
        mine = [cue.text.split() for cue in cues if cue.speaker == speaker]
        assert [word for words in mine for word in words] == [word.text for word in said]
        at = 0
        for i, words in enumerate(mine):
            if len(words) == 1 and not words[0].endswith(SENTENCE_ENDS) and at + 1 < len(said):
                gap = said[at + 1].start - said[at].end
                lasts = said[at + 1].end - said[at].start
                if gap <= 1.5 and lasts <= 7 and len(mine[i + 1]) > 2:
                    found.append(f"{words} before {mine[i + 1]}")
            at += len(words)
    return found
