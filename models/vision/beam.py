"""Beam search: the likeliest sentences, a word at a time, for a batch of pictures at once.

At each step the `width` likeliest ways to go on are kept for each picture; one that ends is set aside and the beam
narrows by it. In the end the sentence with the best mean log-probability a word (the end counted) wins, since a sum
would favour short ones. Width 1 is the greedy choice; a width no smaller than the number of sentences is exhaustive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Step = Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, tuple[Tensor, ...], Tensor]]
"""Goes on by one word: (words (B, K) int64, state of (B, K, ...) tensors) -> (log-probabilities (B, K, V) of the next
word, new state, something (B, K, ...) to be remembered with the next word). K is 1 at first."""


class Hypothesis(NamedTuple):
    """The best sentence for one picture.

    Attributes:
        words: Without the end.
        score: Mean log-probability of the words and the end.
        remembered: (T, ...) what the step gave to remember, for each word.
    """

    words: tuple[int, ...]
    score: float
    remembered: Tensor


class _Ended:
    """The best sentence so far that has ended, for each picture."""

    def __init__(self, batch: int) -> None:
        self.score = [-float("inf")] * batch
        self.at = [(0, 0)] * batch
        """Step at which the end was written, and the beam it was written in."""

    def take(self, picture: int, score: float, step: int, beam: int) -> None:
        if score > self.score[picture]:
            self.score[picture], self.at[picture] = score, (step, beam)


@torch.inference_mode()
def beam_search(
    step: Step, state: tuple[Tensor, ...], start: int, end: int, width: int, longest: int
) -> list[Hypothesis]:
    """Search.

    Args:
        step: See `Step`.
        state: To begin with: tensors (B, 1, ...).
        start: Number of the word that stands before the first.
        end: Number of the word that stands after the last.
        width: Sentences kept at each step, at least 1.
        longest: Words a sentence has at most; then its end is forced, at its true probability.

    Returns:
        For each picture the best sentence; its words are empty if the end came first.

    Raises:
        ValueError: `width` or `longest` is below 1.
    """
    if width < 1 or longest < 1:
        raise ValueError(f"width and longest must be at least 1, not {width} and {longest}")
    batch = state[0].shape[0]
    rows = torch.arange(batch).unsqueeze(1)
    words = torch.full((batch, 1), start)
    total = torch.zeros(batch, 1)
    trail: list[tuple[Tensor, Tensor, Tensor]] = []
    ended = _Ended(batch)
    for t in range(longest + 1):
        logs, state, remember = step(words, state)
        count = logs.shape[-1]
        if t == longest:
            only = torch.full_like(logs, -torch.inf)
            only[..., end] = logs[..., end]
            logs = only
        ways = (total.unsqueeze(2) + logs).flatten(1)
        total, way = ways.topk(min(width, ways.shape[1]), dim=1)
        before, words = way // count, way % count
        trail.append((before, words, remember))
        finished = (words == end) & total.isfinite()
        for picture, beam in finished.nonzero().tolist():
            ended.take(picture, float(total[picture, beam]) / (t + 1), t, beam)
        total = total.masked_fill(words == end, -torch.inf)
        if not bool(total.isfinite().any()):
            break
        state = tuple(part[rows, before] for part in state)
    return [_retrace(trail, picture, *ended.at[picture], ended.score[picture]) for picture in range(batch)]


def _retrace(
    trail: list[tuple[Tensor, Tensor, Tensor]], picture: int, step: int, beam: int, score: float
) -> Hypothesis:
    """Follow a sentence back from its end."""
    words: list[int] = []
    remembered: list[Tensor] = []
    for t in range(step, -1, -1):
        before, chosen, remember = trail[t]
        words.append(int(chosen[picture, beam]))
        beam = int(before[picture, beam])
        remembered.append(remember[picture, beam])
    # The end comes first on the way back and is no word.
    kept = remembered[:0:-1]
    shown = torch.stack(kept) if kept else remembered[0].new_zeros(0, *remembered[0].shape)
    return Hypothesis(tuple(words[:0:-1]), score, shown)
