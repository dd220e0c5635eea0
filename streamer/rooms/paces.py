"""How often each participant of a room may do what everybody is told of, or pays for."""

from __future__ import annotations

from streamer.limits import RateLimiter

RENAMES_A_SECOND, RENAMES_AT_ONCE = 1.0, 16.0
"""Lines given to another speaker counted in: everybody is told of each."""

ORDERS_A_SECOND, ORDERS_AT_ONCE = 2.0, 40.0
"""A host may have to let in or to mute a whole room at once."""

VIEWS_A_SECOND, VIEWS_AT_ONCE = 0.5, 10.0
"""A picture that is shown again begins with a key frame, which costs everybody who sees it."""

FIGURES_A_SECOND, FIGURES_AT_ONCE = 1.0, 10.0


class Paces:
    """The limits of one room.

    Attributes:
        renames: how often each participant may rename, or say who said a line.
        orders: how often each may do what is the host's.
        views: how often each may say what they show.
        figures: how often each may ask how good a connection is.
    """

    def __init__(self) -> None:
        self.renames = RateLimiter(RENAMES_A_SECOND, RENAMES_AT_ONCE)
        self.orders = RateLimiter(ORDERS_A_SECOND, ORDERS_AT_ONCE)
        self.views = RateLimiter(VIEWS_A_SECOND, VIEWS_AT_ONCE)
        self.figures = RateLimiter(FIGURES_A_SECOND, FIGURES_AT_ONCE)
