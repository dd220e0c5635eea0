"""State apart from the module: what every streaming stage here shares.

A stage is an object without memory of any session. Its memory is a dataclass of tensors whose first
dimension is the row (one session, or one face of a session), so rows can be batched, paused, forgotten and
moved without the stage knowing. Every state here begins as zeros, which is what makes `reset_rows`
possible for all of them.

Two masks steer a batch: `run` says which rows take part in this step (the others keep their state
untouched), `reset` says which rows forget everything before it.
"""

from dataclasses import fields
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import Tensor


class State(Protocol):
    """A dataclass of tensors, each of shape (rows, …), all zeros at the start."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


S = TypeVar("S", bound=State)


def batch_of(state: State) -> int:
    """Return the number of rows a state holds."""
    first: Tensor = getattr(state, fields(state)[0].name)
    return int(first.shape[0])


def rows_where(mask: Tensor) -> Tensor:
    """Return row numbers (K,) int64 at which a boolean mask (B,) is true."""
    return mask.nonzero(as_tuple=True)[0]


def take_rows(state: S, rows: Tensor) -> S:
    """Copy the rows (K,) of a state into a smaller state of the same kind."""
    return type(state)(**{f.name: getattr(state, f.name)[rows] for f in fields(state)})


def put_rows(state: S, rows: Tensor, part: S) -> None:
    """Write a state of K rows back over the rows (K,) it was taken from, in place.

    Raises:
        RuntimeError: if the two states differ in the size of a row.
    """
    for f in fields(state):
        getattr(state, f.name)[rows] = getattr(part, f.name)


def reset_rows(state: State, rows: Tensor) -> None:
    """Put the rows (K,) back to the initial state, in place."""
    for f in fields(state):
        getattr(state, f.name)[rows] = 0


def grow_rows(state: S, batch: int) -> S:
    """Return a state of `batch` rows: the old rows first, then fresh ones.

    Raises:
        ValueError: if `batch` is smaller than what the state holds.
    """
    extra = batch - batch_of(state)
    if extra < 0:
        raise ValueError(f"a state of {batch_of(state)} rows cannot shrink to {batch}")

    def longer(x: Tensor) -> Tensor:
        return torch.cat([x, x.new_zeros(extra, *x.shape[1:])])

    return type(state)(**{f.name: longer(getattr(state, f.name)) for f in fields(state)})
