"""How well voice prints tell people apart.

    python -m models.train.voiceprint.evaluate --data DIR

Speech of the people of the lists "dev" and "test", whom the separator never heard, is cut into snippets; every pair of
snippets is compared by the cosine of its prints. The equal error rate is where as many pairs of one person are taken
for two people as the other way round.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.common.arrays import F64, I64
from models.common.audio import SAMPLE_RATE
from models.train.separation.report import rows_of
from models.train.separation.trials import SETS, as_float, by_speaker
from models.voiceprint.campplus_runtime import SpeakerEncoder
from models.voiceprint.encoder import load_voice_encoder

SNIPPETS = 6
"""Snippets of each person, at most."""

SECONDS = (1.0, 2.0, 4.0)
NOISE = 20.0
"""Decibels below the speech, in the noisy rows."""

LIVELY = 0.6
"""Share of 10 ms pieces that must be heard, or it is no snippet of speech."""

Encoder = Callable[[Tensor], Tensor]


def snippets(folder: Path, seconds: float) -> tuple[Tensor, I64]:
    """Return speech (N, samples), no moment of it twice, and who says it (N,)."""
    found, who, size = [], [], round(seconds * SAMPLE_RATE)
    people = [parts for name in SETS for split in ("dev", "test") for parts in by_speaker(folder, name, split).values()]
    for number, parts in enumerate(people):
        sound = as_float(np.concatenate([clip.sound for clip in parts]))
        pieces = [part for part in torch.split(sound, size) if len(part) == size and _lively(part)][:SNIPPETS]
        found += pieces
        who += [number] * len(pieces)
    return torch.stack(found), np.array(who)


def _lively(part: Tensor) -> bool:
    peaks = part.view(-1, SAMPLE_RATE // 100).abs().amax(1)
    return float((peaks > 0.1 * peaks.amax()).float().mean()) > LIVELY


def equal_error_rate(prints: Tensor, who: I64) -> tuple[float, F64, F64]:
    """Return the rate in percent; cosines of pairs of one person, and of two: prints (N, P), who (N,)."""
    unit = torch.nn.functional.normalize(prints.double(), dim=-1)
    upper = np.triu_indices(len(who), 1)
    alike = (unit @ unit.T).numpy()[upper]
    same = who[upper[0]] == who[upper[1]]
    own, others = np.sort(alike[same]), np.sort(alike[~same])
    refused = np.searchsorted(own, alike) / len(own)
    taken = 1 - np.searchsorted(others, alike) / len(others)
    at = int(np.argmin(np.abs(refused - taken)))
    return 100 * float(refused[at] + taken[at]) / 2, own, others


@torch.no_grad()
def table(folder: Path, encoders: dict[str, Encoder]) -> str:
    """Format as Markdown."""
    body = []
    for seconds in SECONDS:
        sound, who = snippets(folder, seconds)
        loud = sound.pow(2).mean(1, keepdim=True).sqrt() * 10 ** (-NOISE / 20)
        noisy = sound + loud * torch.randn(sound.shape, generator=torch.Generator().manual_seed(0))
        for what, heard in (("clean", sound), (f"white noise {NOISE:.0f} dB below", noisy)):
            for name, encoder in encoders.items():
                rate, own, others = equal_error_rate(encoder(heard), who)
                spread = [f"{np.quantile(own, 0.05):.2f} to {np.quantile(own, 0.95):.2f}", f"{np.median(others):.2f}"]
                most = f"{np.quantile(others, 0.95):.2f}"
                people = str(len(np.unique(who)))
                body.append((f"{seconds:g}", what, people, name, f"{rate:.1f}", *spread, most))
    head = (
        "seconds",
        "sound",
        "people",
        "prints",
        "equal error rate %",
        "one person (5 to 95 %)",
        "two: median",
        "95 %",
    )
    return rows_of(head, body)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    speaker = SpeakerEncoder()
    encoders: dict[str, Encoder] = {
        "voice": load_voice_encoder().enrol,
        "campplus": lambda sound: torch.from_numpy(speaker.embed_all(list(sound.numpy()))),
    }
    print(table(options.data, encoders))


if __name__ == "__main__":
    main()
