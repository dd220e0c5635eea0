"""Token buckets: how often one client, or one connection, may ask for something."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """A token bucket that starts full.

    Attributes:
        rate: tokens that come back a second.
        burst: tokens it holds at most.
        tokens: tokens now.
        at: time of the last change, seconds.
    """

    rate: float
    burst: float
    tokens: float
    at: float

    def take(self, now: float, amount: float = 1.0) -> float:
        """Take tokens.

        Args:
            now: monotonic time, seconds.
            amount: how many, at most `burst`.

        Returns:
            0 if they were taken, else the seconds until there are as many.
        """
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= amount:
            self.tokens -= amount
            return 0.0
        return (amount - self.tokens) / self.rate

    @property
    def refill_seconds(self) -> float:
        """Seconds an untouched bucket needs to be full, when it says nothing more and can be forgotten."""
        return (self.burst - self.tokens) / self.rate


def client_of(address: str) -> str:
    """Say whose an address is, for counting.

    Args:
        address: as a socket or a proxy names it.

    Returns:
        IPv4: the address. IPv6: its /64, any address of which one subscriber can use (RFC 6177).
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.IPv6Network((ip, 64), strict=False))


class RateLimiter:
    """One bucket a key, for at most `capacity` keys.

    Args:
        rate: requests a second.
        burst: requests at once.
        capacity: keys kept; the longest unused goes first, so memory stays bounded under a flood.
        clock: monotonic time, seconds.
    """

    def __init__(
        self, rate: float, burst: float, capacity: int = 4096, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._capacity = capacity
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str) -> int:
        """Count one request.

        Args:
            key: who asks, for instance an address.

        Returns:
            0 if it may go on, else whole seconds to wait (a Retry-After value).
        """
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._rate, self._burst, self._burst, now)
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return math.ceil(bucket.take(now))

    def sweep(self) -> None:
        """Forget the buckets that are full again."""
        now = self._clock()
        full = [key for key, bucket in self._buckets.items() if now - bucket.at >= bucket.refill_seconds]
        for key in full:
            del self._buckets[key]
