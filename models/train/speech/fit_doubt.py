"""What is refused: `python -m models.train.speech.fit_doubt --data DIR [--seconds S] [--second]`.

Reads English, Arabic and noise as a recording's voices, and prints what share of the lines of each is written down by
confidence alone and by `ForeignDoubt`, and how that would be with other thresholds. With --second, what languages the
second reader (extra `languages`) hears in them.

A voice is up to half a minute of one speaker (of noise, of clips of one folder and class), with a pause after each
clip; Arabic clips are words of 1.2 s cut out of news, and six or two of them follow each other without one.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.speech.doubt import Doubt, ForeignDoubt
from models.speech.languages import Languages, SpokenLanguage
from models.speech.moonshine import Moonshine
from models.speech.stream import SharedTranscriber
from models.speech.types import Line, Reading
from models.speech.vad import VoiceActivity
from models.speech.whisper_base import WhisperBase

VOICE = 30.0
"""Most seconds of a voice."""

NOISE = 10 ** (-5 / 10)
"""Power of the noise that is laid over speech: 5 dB less."""

LEASTS = (-0.9, -0.8, -0.7, -0.6, -0.5, -0.4)
"""Of a voice, tried beside that of `ForeignDoubt`."""

PAUSE = np.zeros(round(0.6 * SAMPLE_RATE), np.float32)

SETS = {
    "English, read": ("speech/librispeech", 1),
    "English, of learners": ("speech/speechocean762", 1),
    "English, orders": ("speech/intent", 1),
    "Arabic, news": ("av/news_arabic", 6),
    "Arabic, short sentences": ("av/news_arabic", 2),
    "sounds of a city": ("sound/urbansound8k_folds_1_2_3", 1),
    "other noise": ("noise/nonspeech100", 1),
}
"""Where they lie, and after how many clips there is a pause."""

NOISY = "English, read, in noise"


@dataclass(frozen=True)
class Said:
    """A sentence, as the first reader read it."""

    reading: Reading
    seconds: float
    sound: F32


def voices(path: Path, pause_after: int, seconds: float) -> Iterator[F32]:
    """Yield voices until there are `seconds` of them; speakers in an order drawn by lot, but always the same.

    Args:
        path: Of the sound, without `.ogg`; its `.json` tells speaker (or person), start and samples of each clip.
        pause_after: So many clips.
        seconds: Of all voices.
    """
    of: dict[str, list[tuple[int, int]]] = {}
    for clip in json.loads(path.with_suffix(".json").read_text()):
        speaker = str(clip["person"] if "person" in clip else clip["speaker"])
        of.setdefault(speaker, []).append((clip["start"], clip["samples"]))
    speakers = sorted(of)
    np.random.default_rng(0).shuffle(speakers)
    with soundfile.SoundFile(path.with_suffix(".ogg")) as file:
        for speaker in speakers:
            parts: list[F32] = []
            for number, (start, samples) in enumerate(of[speaker], 1):
                file.seek(start)
                parts.append(file.read(samples, dtype="float32"))
                parts += [PAUSE] if number % pause_after == 0 else []
                if sum(map(len, parts)) > VOICE * SAMPLE_RATE:
                    break
            yield np.concatenate([*parts, PAUSE])
            seconds -= sum(map(len, parts)) / SAMPLE_RATE
            if seconds < 0:
                return


def noisy(speech: F32, noise: Iterator[F32]) -> F32:
    """Return speech with the next noise, whose power is that of the speech times `NOISE`."""
    other = np.resize(next(noise), len(speech))
    power = float((speech**2).mean() / max(float((other**2).mean()), 1e-12))
    return np.asarray(speech + other * np.sqrt(power * NOISE), np.float32)


class Ear:
    """Reads voices, and keeps every reading whether it is believed or not."""

    def __init__(self) -> None:
        self._moonshine, self._activity = Moonshine(), VoiceActivity()

    def hear(self, pcm: F32) -> list[Said]:
        """Return the sentences of a voice."""
        said: list[Said] = []

        def finish(line: Line, shown: bool, sound: F32) -> None:
            said.append(Said(self._moonshine.read(sound), line.end - line.start, sound))

        stream = SharedTranscriber(_Silent(), self._activity).open(finish=finish)
        for at in range(0, len(pcm), SAMPLE_RATE):
            stream.hear(at / SAMPLE_RATE, pcm[at : at + SAMPLE_RATE])
            stream.lines(partials=False)
        stream.close()
        return said


class _Silent:
    def read(self, pcm: F32, draft: tuple[int, ...] = ()) -> Reading:
        return Reading("", 0.0, ())


def written(heard: list[list[Said]], doubt: Callable[[], Doubt]) -> tuple[int, int]:
    """Return how many sentences with words there are, and how many of them are written down."""
    count = kept = 0
    for voice in heard:
        judge = doubt()
        for said in voice:
            believed = judge.believes(said.reading, said.seconds)
            count += bool(said.reading.text)
            kept += bool(said.reading.text) and believed
    return count, kept


def languages(heard: list[list[Said]]) -> tuple[int, dict[str, int]]:
    """Return how many sentences the second reader writes down, and how many it hears in each language.

    Every voice is a recording of its own.
    """
    reader, kept, found = WhisperBase(), 0, dict[str, int]()
    for voice in heard:
        language = SpokenLanguage(Languages())
        for said in voice:

            def choose(
                probabilities: Mapping[str, float], said: Said = said, language: SpokenLanguage = language
            ) -> str:
                code = language.hear(probabilities, said.seconds)
                found[code] = found.get(code, 0) + 1
                return code

            kept += bool(reader.read_as(said.sound, choose).text)
    return kept, found


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with speech/, av/, sound/ and noise/")
    parser.add_argument("--seconds", type=float, default=600.0, help="of each set")
    parser.add_argument("--second", action="store_true", help="ask the second reader, too")
    parser.add_argument("--only", nargs="*", default=[*SETS, NOISY], help="names of sets")
    arguments = parser.parse_args()
    ear = Ear()
    for name in arguments.only:
        path, pause_after = SETS[name if name != NOISY else "English, read"]
        sounds = voices(arguments.data / path, pause_after, arguments.seconds)
        if name == NOISY:
            noise = voices(arguments.data / SETS["sounds of a city"][0], 1, np.inf)
            sounds = (noisy(sound, noise) for sound in sounds)
        heard = [ear.hear(sound) for sound in sounds]
        report(name, heard)
        if arguments.second:
            kept, found = languages(heard)
            print(f"  second reader: {kept} written down; {dict(sorted(found.items(), key=lambda item: -item[1]))}")


def report(name: str, heard: list[list[Said]]) -> None:
    """Print what of a set is written down."""
    count, sure = written(heard, Doubt)
    _, kept = written(heard, ForeignDoubt)
    confidences = [said.reading.confidence for voice in heard for said in voice if said.reading.text]
    spread = np.percentile(confidences, [1, 5, 50, 95, 99]).round(2).tolist() if confidences else []
    print(f"{name}: {len(heard)} voices, {count} sentences with words; confidence at 1, 5, 50, 95, 99 %: {spread}")
    print(
        f"  refused by confidence and repetition {count - sure}, and with the voice's doubt {count - kept}", flush=True
    )
    refused = [count - written(heard, functools.partial(ForeignDoubt, least))[1] for least in LEASTS]
    print(f"  and by a voice's least of {', '.join(map(str, LEASTS))}: {', '.join(map(str, refused))}", flush=True)


if __name__ == "__main__":
    main()
