"""Says in a sentence what a picture shows, and where it looked for each word.

An LSTM writes the sentence word by word. Before each word it weighs the 14 x 14 places of the picture, adds up what
stands there by those weights, and lets a gate decide how much of that to use. Source: Xu et al., "Show, Attend and
Tell", ICML 2015 (arXiv:1502.03044), sections 3.1 and 4.2: deterministic "soft" attention. The annotations are not a
VGG layer but both grids of `models/vision/image_encoder.py`, the coarse one spread over the fine one. Words are
written with the same vectors that they are read with, which keeps the weights small.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.common import weights
from models.vision.beam import Hypothesis, beam_search
from models.vision.image_encoder import MIDDLE, TOP, Grids
from models.vision.vocabulary import END, PADDING, START, UNKNOWN, Vocabulary

SIDE = 14
PLACES = SIDE * SIDE
LONGEST = 20
"""Words a caption has at most; 97 % of Flickr8k's are no longer."""

WEIGHTS = weights.FOLDER / "caption.safetensors"


class Annotations(NamedTuple):
    """What stands at each place of B pictures.

    Attributes:
        values: (B, 196, D), row by row from the top left.
        keys: (B, 196, A), the same as attention compares it.
    """

    values: Tensor
    keys: Tensor


class Memory(NamedTuple):
    """State of the writer: `hidden` and `cell`, (B, K, H) for K sentences about each of B pictures."""

    hidden: Tensor
    cell: Tensor


class CaptionNet(nn.Module):
    """The writer.

    Args:
        words: Size of the vocabulary.
        annotation: D, numbers that describe a place.
        attention: A, width of the layer that compares places with what is wanted.
        embedding: Numbers that stand for a word.
        hidden: H, size of the LSTM.
        dropout: Share of a word's numbers hidden in training, before it is read and before the next is chosen.
    """

    def __init__(
        self,
        words: int,
        annotation: int = 320,
        attention: int = 64,
        embedding: int = 256,
        hidden: int = 512,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.from_middle = nn.Conv2d(MIDDLE, annotation, 1)
        self.from_top = nn.Conv2d(TOP, annotation, 1, bias=False)
        self.key = nn.Linear(annotation, attention)
        self.query = nn.Linear(hidden, attention, bias=False)
        self.energy = nn.Linear(attention, 1, bias=False)
        self.gate = nn.Linear(hidden, 1)
        self.first = nn.Linear(annotation, 2 * hidden)
        self.embedding = nn.Embedding(words, embedding, padding_idx=PADDING)
        self.word_gates = nn.Linear(embedding, 4 * hidden)
        self.gates = nn.Linear(annotation + hidden, 4 * hidden, bias=False)
        self.from_hidden = nn.Linear(hidden, embedding)
        self.from_context = nn.Linear(annotation, embedding, bias=False)
        self.bias = nn.Parameter(torch.zeros(words))
        self.dropout = nn.Dropout(dropout)
        self.dropout_channels = nn.Dropout2d(0.5 * dropout)
        nn.init.normal_(self.embedding.weight, std=embedding**-0.5)

    def annotate(self, grids: Grids) -> tuple[Annotations, Memory]:
        """Look at pictures, before anything is written.

        Args:
            grids: Of B pictures: (B, 112, 14, 14) and (B, 1280, 7, 7).

        Returns:
            Annotations, and the memory to begin with, for one sentence a picture (K = 1).
        """
        coarse = self.from_top(self.dropout_channels(grids.top))
        coarse = functional.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        values = functional.relu(self.from_middle(grids.middle) + coarse).flatten(2).transpose(1, 2)
        hidden, cell = torch.tanh(self.first(values.mean(1))).unsqueeze(1).chunk(2, dim=-1)
        return Annotations(values, self.key(values)), Memory(hidden, cell)

    def step(self, read: Tensor, memory: Memory, seen: Annotations) -> tuple[Memory, Tensor, Tensor]:
        """Go on by one word in K sentences about each picture.

        Args:
            read: (B, K, 4 H) what the words before say to the gates, by `word_gates`.
            memory: (B, K, H).
            seen: Annotations of B pictures.

        Returns:
            New memory, gated context (B, K, D), attention (B, K, 196) that sums to 1.
        """
        query = self.query(memory.hidden)
        energy = self.energy(functional.relu(seen.keys.unsqueeze(1) + query.unsqueeze(2))).squeeze(-1)
        attention = torch.softmax(energy, dim=-1, dtype=torch.float32)
        context = torch.bmm(attention.to(seen.values.dtype), seen.values)
        context = torch.sigmoid(self.gate(memory.hidden)) * context
        gates = read + self.gates(torch.cat([context, memory.hidden], dim=-1)).float()
        take, keep, show, new = gates.chunk(4, dim=-1)
        cell = torch.sigmoid(keep) * memory.cell + torch.sigmoid(take) * torch.tanh(new)
        hidden = torch.sigmoid(show) * torch.tanh(cell)
        return Memory(hidden, cell), context, attention

    def scores(self, read: Tensor, hidden: Tensor, context: Tensor) -> Tensor:
        """Score how each word would go on, before softmax.

        Args:
            read: (..., embedding) the words before.
            hidden: (..., H).
            context: (..., D), gated.

        Returns:
            (..., words).
        """
        wanted = read + self.from_hidden(hidden) + self.from_context(context)
        return functional.linear(self.dropout(wanted), self.embedding.weight, self.bias)

    def forward(self, grids: Grids, captions: Tensor) -> tuple[Tensor, Tensor]:
        """Score every next word of given captions, and return where was looked.

        Args:
            grids: Of B pictures.
            captions: (B, K, T) int64, each start, words, end, padding. Sorting each picture's captions longest
                first saves time: those that have ended are left out.

        Returns:
            Scores (N, words) of the N words after a start that are not padding, in their order, and attention
            (B, K, T - 1, 196), 0 where the sentence is over.
        """
        seen, memory = self.annotate(grids)
        before, written = captions[:, :, :-1], captions[:, :, 1:] != PADDING
        count = before.shape[1]
        read = self.dropout(self.embedding(before))
        gates = self.word_gates(read).float()
        memory = Memory(*(part.expand(-1, count, -1) for part in memory))
        steps: list[tuple[Tensor, Tensor, Tensor]] = []
        for t in range(before.shape[2]):
            running = int(written[:, :, t].any(0).nonzero().max()) + 1
            memory = Memory(*(part[:, :running] for part in memory))
            memory, context, attention = self.step(gates[:, :running, t], memory, seen)
            over = (0, 0, 0, count - running)
            hidden, context, attention = (functional.pad(x, over) for x in (memory.hidden, context, attention))
            steps.append((hidden, context, attention))
        hidden, context, attention = (torch.stack(parts, dim=2) for parts in zip(*steps, strict=True))
        scores = self.scores(read[written], hidden[written], context[written])
        return scores, attention * written.unsqueeze(-1)


@torch.inference_mode()
def write(net: CaptionNet, grids: Grids, width: int, longest: int = LONGEST) -> list[Hypothesis]:
    """Find the best caption of each picture by beam search.

    Args:
        net: In evaluation mode.
        grids: Of B pictures.
        width: Of the beam.
        longest: Words a caption has at most.

    Returns:
        For each picture its words' numbers and, remembered, the attention (T, 196).
    """
    seen, memory = net.annotate(grids)

    def step(words: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
        read = net.embedding(words)
        memory, context, attention = net.step(net.word_gates(read), Memory(*state), seen)
        scores = net.scores(read, memory.hidden, context).float()
        scores[..., [PADDING, START, UNKNOWN]] = -torch.inf
        return torch.log_softmax(scores, dim=-1), memory, attention

    return beam_search(step, memory, START, END, width, longest)


def load_caption_net(path: Path = WEIGHTS) -> tuple[CaptionNet, Vocabulary]:
    """Load the trained writer, float32, for inference, and its words.

    Raises:
        FileNotFoundError: if the weights are not there.
        RuntimeError: if they belong to another network.
    """
    vocabulary = Vocabulary.stored(path)
    net = weights.filled(CaptionNet(len(vocabulary)), path)
    return net, vocabulary
