"""Word error rate of the live captions on a mixture, on the separated voice, and on the clean one.

The wanted voice reads LibriVox sentences whose words are known (Debian's `pocketsphinx-testdata`); others talk over
her at 0 dB. Her print comes from her other sentences; lips are made up.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from models.common.audio import SAMPLE_RATE
from models.speech.transcriber import open_transcriber
from models.train.data.datasets import FRAME
from models.train.data.lips import made_up_lips, spoil_lips
from models.train.data.microphone import LOUD, normal
from models.train.data.mix import AcousticScene
from models.train.separation.metrics import word_errors
from models.train.separation.systems import CUES, System, with_cues
from models.train.separation.trials import Person
from models.voiceprint.encoder import load_voice_encoder

READ = Path("/usr/share/pocketsphinx/test/data/librivox")
HOP = 3200
"""Samples between looks of the captioner: 200 ms."""

MARGIN = SAMPLE_RATE // 4
"""Samples before and after a sentence in which only the other talks."""

ENROLMENT = 5 * SAMPLE_RATE
Errors = dict[str, list[tuple[int, int]]]
_LINE = re.compile(r"<s> (.*) </s> \((.*)\)")


def sentences(folder: Path) -> list[tuple[str, Tensor]]:
    """Return words and sound of each sentence.

    Raises:
        FileNotFoundError: The sentences are not installed.
    """
    found = []
    for line in (folder / "transcription").read_text().splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"not a line of a transcription: {line!r}")
        sound, rate = soundfile.read(folder / f"{match[2]}.wav", dtype="float32")
        if rate != SAMPLE_RATE:
            raise ValueError(f"{match[2]}.wav: need {SAMPLE_RATE} Hz, got {rate}")
        found.append((match[1], torch.from_numpy(sound)))
    return found


def mixed(read: list[tuple[str, Tensor]], others: list[Person], gain: float = 1.0) -> list[tuple[str, AcousticScene]]:
    """Mix every sentence with every other voice: her words, and the scene of one row.

    Args:
        read: As `sentences` gives them.
        others: Who talk over her.
        gain: Their amplitude beside hers.
    """
    encoder = load_voice_encoder()
    torch.manual_seed(0)
    scenes = []
    for k, (text, sound) in enumerate(read):
        frames = (len(sound) + 2 * MARGIN) // FRAME
        voice = torch.zeros(1, frames * FRAME)
        size = min(len(sound), frames * FRAME - MARGIN)
        voice[0, MARGIN : MARGIN + size] = normal(sound[None])[0, :size]
        enrolment = normal(torch.cat([other for j, (_, other) in enumerate(read) if j != k])[None, :ENROLMENT])
        print_ = encoder.enrol(enrolment)
        talks = torch.ones(1, frames, 1)
        for person in others:
            speech = torch.cat([person.sound, person.enrolment])
            speech = speech.repeat(1 + voice.shape[1] // len(speech))[: voice.shape[1]]
            rest = normal(speech[None]) * gain
            scene = AcousticScene(
                mix=voice + rest + torch.randn_like(voice) * 1e-3 * LOUD,
                voice=voice,
                others=torch.stack([rest, torch.zeros_like(rest)], dim=1),
                lips=spoil_lips(made_up_lips(voice), talks),
                visible=talks,
                other=spoil_lips(made_up_lips(rest), talks),
                other_visible=talks,
                print=print_,
                known=torch.ones(1, 1),
                other_print=torch.zeros_like(print_),
                other_known=torch.zeros(1, 1),
                beside=torch.full((1,), -1),
                talkers=torch.full((1,), 2.0),
                silent=torch.zeros(1, dtype=torch.bool),
                enrolment=enrolment,
            )
            scenes.append((text, scene))
    return scenes


class LiveTranscriber:
    """The live captions' own transcriber, fed as in a call."""

    def __init__(self) -> None:
        self._transcriber = open_transcriber("moonshine")

    def words(self, sound: Tensor) -> str:
        """Transcribe (N,)."""
        stream, found = self._transcriber.open(), {}
        pcm = np.asarray(sound.numpy(), np.float32)
        for k in range(0, len(pcm), HOP):
            stream.hear(k / SAMPLE_RATE, pcm[k : k + HOP])
            found.update({line.id: line.text for line in stream.lines(partials=False) if line.final})
        found.update({line.id: line.text for line in stream.close() if line.final})
        return " ".join(text for _, text in sorted(found.items()))


def word_error_table(
    systems: dict[str, System], others: list[Person], folder: Path
) -> dict[str, list[tuple[int, int]]]:
    """Count words wrong and words said in each scene.

    Args:
        systems: The separators in question; each is tried with each cue. The clean voice and the mixture come too.
        others: Who talk over her.
        folder: Where the sentences are.

    Returns:
        By name of what was listened to, one pair a scene, scenes in the same order.
    """
    captioner, table = LiveTranscriber(), Errors()
    for text, scene in mixed(sentences(folder), others):
        heard = {"clean": scene.voice, "mixture": scene.mix}
        for name, system in systems.items():
            heard.update({f"{name}, {cue}": system(with_cues(scene, cue)) for cue in CUES})
        for name, sound in heard.items():
            table.setdefault(name, []).append(word_errors(text, captioner.words(sound[0])))
    return table
