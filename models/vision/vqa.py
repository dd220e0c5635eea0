"""Questions about a picture: where the question says to look, times what it asks, gives one of some hundred answers.

An LSTM reads the question; it decides at which places of the picture to look; what is seen there and the question
are multiplied number by number, and a linear layer chooses the answer. Sources: Antol et al., "VQA", ICCV 2015
(point-wise product, classifier); Yang et al., "Stacked attention networks", CVPR 2016 (where to look).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from models.common import weights
from models.vision.embed import CHANNELS, PLACES
from models.vision.image_encoder import TOP
from models.vision.vocabulary import PADDING, Vocabulary

WEIGHTS = weights.FOLDER / "vqa.safetensors"
REDUCED, THINGS = 256, 256
"""Principal components of a place, and kinds of things that ImageNet's classifier may see there."""

LOOKS = 2
_WORD, _HIDDEN, _KEY = 256, 320, 128
_ANSWERS = "answers"


class Places(nn.Module):
    """What the answerer knows of every place: principal components, and which things may be there. Not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.Linear(CHANNELS, REDUCED)
        self.things = nn.Linear(TOP, THINGS)

    def forward(self, places: Tensor) -> Tensor:
        """Reduce (B, 49, 1392), as `models.vision.embed.places` gives them -> (B, 49, 512)."""
        # Roots, since a thing that is seen with 4 % is often there as well.
        probabilities = torch.softmax(self.things(places[..., :TOP]), dim=-1).sqrt()
        return torch.cat([self.reduce(places), 4 * probabilities], dim=-1)


class QuestionNet(nn.Module):
    """Places and a question -> scores of answers.

    Args:
        words: size of the vocabulary.
        answers: how many answers there are.
        blind: whether to leave the picture out; the question is then all there is.
    """

    def __init__(self, words: int, answers: int, blind: bool = False) -> None:
        super().__init__()
        self.blind = blind
        self.places = Places()
        self.words = nn.Embedding(words, _WORD, padding_idx=PADDING)
        self.lstm = nn.LSTM(_WORD, _HIDDEN, batch_first=True)
        self.where = nn.Parameter(0.1 * torch.randn(PLACES, _KEY))
        self.key = nn.Linear(REDUCED + THINGS, _KEY)
        self.wanted = nn.Linear(_HIDDEN, _KEY)
        self.look = nn.Linear(_KEY, LOOKS)
        self.seen = nn.Linear((LOOKS + 1) * (REDUCED + THINGS), _HIDDEN)
        self.asked = nn.Linear(_HIDDEN, _HIDDEN)
        self.choose = nn.Linear(_HIDDEN, answers)
        self.drop = nn.Dropout(0.5)
        self.temperature: Tensor
        self.least: Tensor
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("least", torch.zeros(()))

    def forward(self, places: Tensor, numbers: Tensor, lengths: Tensor) -> Tensor:
        """Score answers.

        Args:
            places: (B, 49, 512), as `Places` gives them.
            numbers: (B, T) int64 word numbers, padded at the end.
            lengths: (B,) int64 words of each, at least 1, on the CPU.

        Returns:
            (B, answers), not yet divided by the temperature.
        """
        words = self.drop(self.words(numbers))
        packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
        # In training too: processors without AVX-512 have no LSTM of 16 bits.
        with torch.autocast(words.device.type, enabled=False):
            question = self.drop(self.lstm(packed)[1][0][0])
        asked = torch.tanh(self.asked(question))
        if self.blind:
            return torch.as_tensor(self.choose(self.drop(asked)))
        mixed = torch.tanh(self.key(places) + self.where + self.wanted(question)[:, None])
        weight = torch.softmax(self.look(self.drop(mixed)).float(), dim=1).to(places.dtype)
        looked = (weight.transpose(1, 2) @ places).flatten(1)
        seen = 2 * torch.tanh(self.seen(self.drop(torch.cat([looked, places.mean(1)], dim=1))))
        # Times 1 + what is seen: a picture that tells nothing leaves the question's own guess as it is.
        return torch.as_tensor(self.choose(self.drop((1 + seen) * asked)))

    def probabilities(self, scores: Tensor) -> Tensor:
        """Calibrate scores (B, answers)."""
        return functional.softmax(scores.float() / self.temperature, dim=-1)


def answers_metadata(answers: list[str]) -> dict[str, str]:
    """Return what is stored beside the weights; an answer has no blanks here, its words are parted by underscores."""
    return {_ANSWERS: " ".join(answers)}


def load_question_net(path: Path = WEIGHTS) -> tuple[QuestionNet, Vocabulary, list[str]]:
    """Load the network with trained weights (fp16 on disk, float32 in memory), its words and its answers.

    Raises:
        FileNotFoundError: the weights are not there.
    """
    vocabulary = Vocabulary.stored(path)
    with safe_open(path, "pt") as file:
        answers = file.metadata()[_ANSWERS].split(" ")
    net = weights.filled(QuestionNet(len(vocabulary), len(answers)), path)
    return net, vocabulary, answers
