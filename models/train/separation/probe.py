"""A look at people who are not trained on, always at the same scenes: two voices at once, by what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from models.separation.network import analysis, synthesis
from models.train.data.draw import Batch, draw
from models.train.data.stems import Stems
from models.train.separation.loss import loss_of
from models.train.separation.metrics import si_sdr

Net = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]

KNOWN = ("both prints", "this print", "activity")
"""What is known: both voices' prints; only the wanted one's; only when each of the two speaks."""

BLOCKS = 200  # of a scene: 4 s
_SEED = 7


def scenes(stems: Stems, mixtures: int) -> list[tuple[str, Batch]]:
    """Scenes of two voices that talk all the time, told in each of the ways of `KNOWN`, and one of everything."""
    with torch.random.fork_rng(["cuda"] if stems.sound.is_cuda else []):
        torch.manual_seed(_SEED)
        mixed = draw(stems, mixtures, 2, BLOCKS)
        torch.manual_seed(_SEED)
        plain = draw(stems, mixtures, 2, BLOCKS, ease=1.0, overlapped=True)
    told = [replace(plain, odds=0 * plain.odds)]
    first = (torch.arange(2 * mixtures, device=plain.of.device) % 2 == 0).float()[:, None]
    told.append(replace(told[0], prints=plain.prints * first))
    told.append(replace(plain, prints=0 * plain.prints))
    return [*zip(KNOWN, told, strict=True), ("mixed", mixed)]


@torch.no_grad()
def look(net: Net, stems: Stems, mixtures: int) -> dict[str, float]:
    """Figures of a network: gain in SI-SDR, dB, by what is known, share of voices below -1 dB, and the loss.

    Args:
        net: As `Extractor.forward`.
        stems: Of people who were not trained on.
        mixtures: Scenes.
    """
    forward, back, figures = analysis().to(stems.sound.device), synthesis().to(stems.sound.device), {}
    for name, batch in scenes(stems, mixtures):
        X = forward(batch.mix)
        Y = net(X, batch.of, batch.prints, batch.odds, batch.beside)
        if name == "mixed":
            figures["loss"] = loss_of(Y, forward(batch.voice), X[batch.of]).total.item()
            continue
        size = batch.mix.shape[1] - back.delay
        voice, mix = batch.voice[:, :size], batch.mix[batch.of, :size]
        gain = si_sdr(back(Y)[:, back.delay :], voice) - si_sdr(mix, voice)
        asked = gain[::2] if name == "this print" else gain
        figures[name] = asked.mean().item()
        figures[f"{name}: below -1 dB %"] = 100 * (asked < -1).float().mean().item()
    return {key: round(value, 3) for key, value in figures.items()}
