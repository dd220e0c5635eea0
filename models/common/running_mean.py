"""Causal running mean: cumulative at first, exponential once `horizon` values have been seen.

    n <- min(n + w, horizon);   mean <- mean + w * (x - mean) / n        with weight w in {0, 1}

A plain cumulative mean would take minutes to follow a talker who moves away from the microphone.
"""

import torch
from torch import Tensor


def running_mean_step(x: Tensor, weight: Tensor, mean: Tensor, count: Tensor, horizon: int) -> tuple[Tensor, Tensor]:
    """Take in one value a row.

    Args:
        x: (B, C) values.
        weight: (B, 1), 1 to take the value in, 0 to pass it over.
        mean: (B, C) mean so far.
        count: (B, 1) values so far, at most `horizon`.
        horizon: values after which the mean forgets.

    Returns:
        New mean (B, C) and count (B, 1).
    """
    count = (count + weight).clamp(max=horizon)
    return mean + weight * (x - mean) / count.clamp(min=1), count


def running_mean(x: Tensor, weight: Tensor, horizon: int) -> Tensor:
    """Return means after each value of whole sequences, equal to repeated `running_mean_step`.

    Args:
        x: (B, T, C) values.
        weight: (B, T, 1) of 0 and 1.
        horizon: values after which the mean forgets.

    Returns:
        (B, T, C).
    """
    head = min(horizon, x.shape[1])
    w = weight[:, :head]
    counts = torch.cumsum(w, dim=1)
    means = torch.cumsum(w * x[:, :head], dim=1) / counts.clamp(min=1)
    if head == x.shape[1]:
        return means
    tail, mean, count = [], means[:, -1], counts[:, -1]
    for t in range(head, x.shape[1]):
        mean, count = running_mean_step(x[:, t], weight[:, t], mean, count, horizon)
        tail.append(mean)
    return torch.cat([means, torch.stack(tail, dim=1)], dim=1)
