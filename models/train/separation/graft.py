"""Gives a separator that made its own voice prints the prints of models/voiceprint/encoder.py, for training to go on from.

    python -m models.train.separation.graft --data DIR --start OLD.safetensors --out NEW.safetensors [--reverb BANK]

OLD is of models/train/separation/prototype.py. Its layers stay; `VoiceCue` learns, from everybody on the training list, to turn
the new print of a snippet into the mean of the old prints of that person.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from models.separation.separator import Separator
from models.separation.runtime import load_voice_encoder
from models.train.data.prints import SNIPPETS, SPEEDS, stored_prints
from models.train.separation.prototype import Prototype
from models.train.data.reverb import load_bank
from models.train.separation.train import save
from models.train.separation.systems import load
from models.train.data.tape import Tape, load_tapes
from models.separation.voice_cue import CUE, VoiceCue

FRAMES = 60  # video frames of a snippet for the old encoder, as it was trained
STEPS, ROWS, RATE = 2_000, 256, 1e-3


@torch.no_grad()
def old_prints(tape: Tape, net: Prototype) -> Tensor:
    """Mean old print of everybody at each speed: (people, speeds, 192)."""
    people = torch.arange(len(tape.start)).repeat_interleave(SNIPPETS // 2)
    made = []
    for speed in SPEEDS:
        sounds = (tape.draw(some, FRAMES, torch.full((len(some),), speed))[0] for some in torch.split(people, 96))
        made.append(torch.cat([net.voice(sound) for sound in sounds]).view(len(tape.start), -1, CUE).mean(1))
    return torch.stack(made, dim=1)


def fit(cue: VoiceCue, new: Tensor, old: Tensor) -> float:
    """Train (people, speeds, snippets, 256) -> (people, speeds, 192); returns the mean cosine of the last steps."""
    optimiser = torch.optim.AdamW(cue.parameters(), RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    alike = []
    for _ in range(STEPS):
        who, speed = torch.randint(0, len(new), (ROWS,)), torch.randint(0, len(SPEEDS), (ROWS,))
        taken = new[who, speed, torch.randint(0, SNIPPETS, (ROWS,))].float()
        cosine = F.cosine_similarity(cue(taken, torch.zeros_like(taken)), old[who, speed])
        optimiser.zero_grad()
        (1 - cosine).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        alike.append(cosine.mean().item())
    return sum(alike[-100:]) / 100


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--reverb", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    device, past = torch.device("cpu"), load(options.start)
    if not isinstance(past, Prototype):
        parser.error(f"{options.start} has the new prints already")
    bank = load_bank(options.reverb, device) if options.reverb else None
    tape = load_tapes(options.data, device, "permissive")["train"]
    new = stored_prints(options.out.with_suffix(".prints"), tape, load_voice_encoder(), bank).stored
    net, cue = Separator(), VoiceCue()
    print(f"cosine with the old prints: {fit(cue, new, old_prints(tape, past)):.3f}")
    kept = {k: v for k, v in past.state_dict().items() if not k.startswith("voice.")}
    net.load_state_dict({**kept, **{f"voice.{k}": v for k, v in cue.state_dict().items()}})
    save(options.out, net)


if __name__ == "__main__":
    main()
