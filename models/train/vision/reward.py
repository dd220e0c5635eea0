"""Train captioning on, by how well whole sentences agree with people's.

    python -m models.train.vision.reward --data DIR --cache DIR --start FILE --out FILE --minutes N [--resume]

Cross-entropy knows only one next word at a time, after words that people wrote. Here the writer makes up five
sentences a picture and each becomes likelier or unlikelier by how much better than the other four it agrees with the
captions. Source: Rennie et al., "Self-critical sequence training", CVPR 2017 (arXiv:1612.00563); the baseline of the
other samples: Luo, "A better variant of self-critical sequence training", 2020 (arXiv:2003.09971).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from models.common.weights import tensors
from models.train.vision.cider import References
from models.train.vision.train_captioning import Batch, CaptioningTrainer, options_parser
from models.vision.captioning import LONGEST, CaptionNet, Memory
from models.vision.image_encoder import Grids
from models.vision.vocabulary import END, PADDING, START, UNKNOWN

SAMPLES = 5
NEVER = [PADDING, START, UNKNOWN]


@torch.no_grad()
def sample(net: CaptionNet, grids: Grids, count: int, temperature: float, longest: int = LONGEST) -> Tensor:
    """Draw sentences as the writer would: (B, count, T) int64 of start, words, end, padding.

    Below a temperature of 1 likely words become likelier: a writer that learnt with smoothed labels would else put an
    odd word into nearly every sentence.
    """
    seen, memory = net.annotate(grids)
    memory = Memory(*(part.expand(-1, count, -1) for part in memory))
    words = torch.full((len(grids.top), count), START)
    line = [words]
    over = torch.zeros_like(words, dtype=torch.bool)
    for _ in range(longest + 1):
        read = net.embedding(words)
        memory, context, _ = net.step(net.word_gates(read), memory, seen)
        scores = net.scores(read, memory.hidden, context).float()
        scores[..., NEVER] = -torch.inf
        drawn = torch.softmax(scores / temperature, dim=-1).flatten(0, 1).multinomial(1).view_as(words)
        words = drawn.masked_fill(over, PADDING)
        line.append(words)
        over |= words == END
        if bool(over.all()):
            break
    return torch.stack(line, dim=2)


class RewardTrainer(CaptioningTrainer):
    """A run that begins from trained weights and learns from its own sentences."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        if self.step == 0:
            start = tensors(options.start)
            self.net.load_state_dict(start)
            self.mean.load_state_dict(start)
        vocabulary = self.material.vocabulary
        self.references = References(
            [[[*vocabulary.encode(one), END] for one in five] for five in self.material.captions]
        )

    def _rewards(self, batch: Batch, sentences: Tensor) -> Tensor:
        """Return (B, K) reward of each sentence; in a mirrored picture left is right."""
        found = torch.zeros(sentences.shape[:2])
        turn = self.material.turn
        for row, (picture, mirror) in enumerate(zip(batch.pictures, batch.mirrored, strict=True)):
            for k, line in enumerate(sentences[row, :, 1:].tolist()):
                words = [turn.get(word, word) if mirror else word for word in line if word != PADDING]
                cider, bleu = self.references.cider(picture, words), self.references.bleu(picture, words)
                odd = self.references.odd(words)
                found[row, k] = self.options.cider * cider + self.options.bleu * bleu - self.options.odd * odd
        return found

    def train_step(self, batch: Batch) -> float:
        """Train on one batch; return the mean reward with its sign changed, so that less is better as with any loss."""
        self.net.eval()
        with torch.autocast("cpu", torch.bfloat16):
            sentences = sample(self.net, batch.grids, SAMPLES, self.options.temperature, self.material.longest)
        reward = self._rewards(batch, sentences)
        others = (reward.sum(1, keepdim=True) - reward) / (SAMPLES - 1)
        better = (reward - others) / self.options.scale
        with torch.autocast("cpu", torch.bfloat16):
            scores, attention = self.net(batch.grids, sentences)
            wanted = sentences[:, :, 1:]
            written = wanted != PADDING
            scores = scores.float() / self.options.temperature
            scores[:, NEVER] = -torch.inf
            weight = better.unsqueeze(2).expand_as(wanted)[written]
            loss = (weight * functional.cross_entropy(scores, wanted[written], reduction="none")).mean()
            loss = loss + self.options.penalty * (1 - attention.sum(2)).pow(2).mean()
        self.descend(loss)
        return -float(reward.mean())


def main() -> None:
    """Run the command line."""
    parser = options_parser(__doc__ or "")
    parser.add_argument("--start", type=Path, required=True, help="weights to begin from")
    parser.add_argument("--cider", type=float, default=1.0, help="weight of CIDEr-D in the reward")
    parser.add_argument("--odd", type=float, default=0.15, help="taken off for three words that nobody wrote in a row")
    parser.add_argument("--bleu", type=float, default=0.5, help="weight of BLEU-4 in the reward")
    parser.add_argument("--scale", type=float, default=0.3, help="what counts as much better")
    parser.add_argument("--temperature", type=float, default=0.7, help="of the sentences made up")
    parser.set_defaults(rate=2e-4, decay=0.01, penalty=0.1, memory=0.99, batches=140, quiet=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    RewardTrainer(options).run()


if __name__ == "__main__":
    main()
