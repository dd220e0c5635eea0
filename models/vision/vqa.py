"""Questions about a picture: what the question looks for, where it is found and how much of it, times what it asks.

The words of a question, each with its neighbours, say how to look; some heads look at the places of the picture, each
for something of its own, and tell what is there, how well the best place fits, and how many places do. That and the
question are multiplied number by number, and a linear layer chooses one of some hundred answers. Sources: Antol et al.,
"VQA", ICCV 2015 (point-wise product, classifier); Vaswani et al., "Attention is all you need", NeurIPS 2017 (heads);
Zhang et al., "Learning to count objects in natural images for VQA", ICLR 2018 (a softmax forgets how many).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from models.common import weights
from models.vision.embed import CHANNELS, PLACES
from models.vision.image_encoder import TOP
from models.vision.vocabulary import PADDING, Vocabulary

WEIGHTS = weights.FOLDER / "vqa.safetensors"
REDUCED, THINGS = 256, 256
"""Principal components of a place, and kinds of things that ImageNet's classifier may see there."""

HEADS, FOUND = 8, 40
"""How many look at the picture, and the numbers that each tells of what is there."""

_WORD, _HIDDEN, _KEY = 256, 320, 32
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


class QuestionReader(nn.Module):
    """Word numbers -> what is asked.

    Args:
        words: size of the vocabulary.
    """

    def __init__(self, words: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, _WORD, padding_idx=PADDING)
        self.beside = nn.Linear(3 * _WORD, _HIDDEN)
        self.weigh = nn.Linear(_HIDDEN, 1)
        self.first = nn.Linear(_HIDDEN, _HIDDEN)
        self.drop = nn.Dropout(0.2)

    def forward(self, numbers: Tensor) -> Tensor:
        """Read questions (N, T) int64, padded at the end, at least one word each -> (N, 320)."""
        words = self.drop(self.words(numbers))
        apart = functional.pad(words, (0, 0, 1, 1))
        x = functional.gelu(self.beside(torch.cat([apart[:, :-2], words, apart[:, 2:]], dim=-1)))
        weight = self.weigh(x).float().masked_fill((numbers == PADDING)[..., None], -torch.inf)
        # Its first words say what sort of answer is wanted.
        return torch.as_tensor((torch.softmax(weight, dim=1).to(x.dtype) * x).sum(1) + self.first(x[:, 0]))


class QuestionNet(nn.Module):
    """Places and questions -> scores of answers.

    Args:
        words: size of the vocabulary.
        answers: how many answers there are.
        blind: whether to leave the picture out; the question is then all there is.
    """

    def __init__(self, words: int, answers: int, blind: bool = False) -> None:
        super().__init__()
        self.blind = blind
        self.places = Places()
        self.question = QuestionReader(words)
        self.where = nn.Parameter(0.1 * torch.randn(PLACES, HEADS * _KEY))
        self.key = nn.Linear(REDUCED + THINGS, HEADS * _KEY)
        self.wanted = nn.Linear(_HIDDEN, HEADS * _KEY)
        self.found = nn.Parameter(torch.randn(HEADS, REDUCED + THINGS, FOUND) / (REDUCED + THINGS) ** 0.5)
        self.seen = nn.Linear(HEADS * (FOUND + 2) + REDUCED + THINGS, _HIDDEN)
        self.asked = nn.Linear(_HIDDEN, _HIDDEN)
        self.choose = nn.Linear(_HIDDEN, answers)
        self.drop = nn.Dropout(0.3)
        # A picture says nothing at first.
        nn.init.normal_(self.seen.weight, std=0.01)
        nn.init.zeros_(self.seen.bias)
        self.temperature: Tensor
        self.least: Tensor
        self.register_buffer("temperature", torch.ones(answers))
        self.register_buffer("least", torch.zeros(answers))

    def forward(self, places: Tensor, numbers: Tensor) -> Tensor:
        """Score answers.

        Args:
            places: (B, 49, 512), as `Places` gives them.
            numbers: (B * Q, T) int64 word numbers, padded at the end, at least one word each: Q questions about the
                first picture, Q about the second, and so on.

        Returns:
            (B * Q, answers), not yet divided by the temperature.
        """
        question = self.drop(self.question(numbers))
        asked = torch.tanh(self.asked(question))
        if self.blind:
            return torch.as_tensor(self.choose(self.drop(asked)))
        seen = 2 * torch.tanh(self.seen(self.drop(self._look(places, question))))
        # Times 1 + what is seen: a picture that tells nothing leaves the question's own guess as it is.
        return torch.as_tensor(self.choose(self.drop((1 + seen) * asked)))

    def _look(self, places: Tensor, question: Tensor) -> Tensor:
        """Look at places (B, 49, 512) for questions (B * Q, 320) -> (B * Q, 848)."""
        pictures = len(places)
        key = (self.key(places) + self.where).view(pictures, PLACES, HEADS, _KEY).permute(0, 2, 3, 1)
        wanted = self.wanted(question).view(pictures, -1, HEADS, _KEY).transpose(1, 2)
        fit = (wanted @ key).float() / _KEY**0.5  # (B, heads, Q, 49)
        weight = torch.softmax(fit, dim=-1).to(places.dtype)
        looked = weight.flatten(1, 2) @ places
        looked = looked.view(pictures, HEADS, -1, REDUCED + THINGS).transpose(0, 1).flatten(1, 2)
        found = (looked @ self.found).view(HEADS, len(question), FOUND).transpose(0, 1).flatten(1)
        best, many = fit.amax(-1), torch.sigmoid(fit - 2).sum(-1)
        how_well = torch.stack([best, many], dim=-1).transpose(1, 2).reshape(len(question), 2 * HEADS)
        whole = places.mean(1).repeat_interleave(len(question) // pictures, dim=0)
        return torch.cat([found, how_well.to(found.dtype), whole], dim=-1)

    def probabilities(self, scores: Tensor) -> Tensor:
        """Calibrate scores (B, answers): every answer has a temperature, and the best one's is taken."""
        temperature = self.temperature[scores.argmax(dim=-1)]
        return functional.softmax(scores.float() / temperature[:, None], dim=-1)


def answers_metadata(answers: list[str]) -> dict[str, str]:
    """Return what is stored beside the weights; an answer has no blanks here, its words are parted by underscores."""
    return {_ANSWERS: " ".join(answers)}


def load_question_net(path: Path = WEIGHTS) -> tuple[QuestionNet, Vocabulary, list[str]]:
    """Load the network with trained weights (eight bits each on disk, float32 in memory), its words and its answers.

    Raises:
        FileNotFoundError: the weights are not there.
    """
    vocabulary = Vocabulary.stored(path)
    with safe_open(path, "pt") as file:
        answers = file.metadata()[_ANSWERS].split(" ")
    net = weights.filled(QuestionNet(len(vocabulary), len(answers)), path)
    return net, vocabulary, answers
