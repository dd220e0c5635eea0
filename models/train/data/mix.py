"""Scenes to measure with: what the microphone hears, what is seen, and what is known of two faces and a third."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass
class AcousticScene:
    """A batch, B crops of N samples and L = N / 640 video frames.

    Attributes:
        mix: (B, N) what the microphone hears.
        voice: (B, N) what the wanted face says, at its level in the mixture.
        others: (B, 2, N) what the others say.
        lips: (B, L, 4) of the wanted face, `visible` (B, L, 1) of 0 and 1.
        other: (B, L, 4) of another face, `other_visible` (B, L, 1).
        print: (B, 256) of the wanted talker's voice.
        known: (B, 1) 1 where that print may be used.
        other_print: (B, 256) of the other face, `other_known` (B, 1).
        beside: (B,) int64 row of the other face in this batch, -1 where it is out of sight.
        talkers: (B,) how many talk; `silent` (B,) bool whether the wanted face does not.
        enrolment: (B, M) what the print was made of, for networks that make prints of their own, and `other_enrolment`
            (B, M') of the other face; zeros where there is none.
    """

    mix: Tensor
    voice: Tensor
    others: Tensor
    lips: Tensor
    visible: Tensor
    other: Tensor
    other_visible: Tensor
    print: Tensor
    known: Tensor
    other_print: Tensor
    other_known: Tensor
    beside: Tensor
    talkers: Tensor
    silent: Tensor
    enrolment: Tensor | None = None
    other_enrolment: Tensor | None = None


def both_faces(scene: AcousticScene) -> AcousticScene:
    """Ask a scene of B crops for the other face as well: in rows B … 2B - 1, beside rows 0 … B - 1.

    Only where something is known of the other face are the two beside each other. Enrolment speech is left out.
    """
    rows = len(scene.mix)
    across = torch.arange(2 * rows, device=scene.mix.device).roll(rows)
    there = (scene.other_visible.amax((1, 2)) > 0) | (scene.other_known[:, 0] > 0)
    exchanged = replace(
        scene,
        voice=scene.others[:, 0],
        others=torch.stack([scene.voice, scene.others[:, 1]], dim=1),
        lips=scene.other,
        visible=scene.other_visible,
        other=scene.lips,
        other_visible=scene.visible,
        print=scene.other_print,
        known=scene.other_known,
        other_print=scene.print,
        other_known=scene.known,
        silent=scene.others[:, 0].abs().amax(1) == 0,
    )
    kept = [
        field.name for field in fields(AcousticScene) if field.name not in ("beside", "enrolment", "other_enrolment")
    ]
    both = {name: torch.cat([getattr(scene, name), getattr(exchanged, name)]) for name in kept}
    return AcousticScene(**both, beside=torch.where(there.repeat(2), across, -1))
