"""A text that is served from memory, packed for whoever takes it so."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response

FOR_EVER = "public, max-age=31536000, immutable"
"""Cache-Control of what has another name as soon as it has another content (RFC 8246)."""


@dataclass(frozen=True)
class Text:
    """A text, as it is and packed.

    Attributes:
        plain: UTF-8.
        packed: the same by gzip.
        media_type: of both.
        digest: of its content, 16 hexadecimal digits.
        cache_control: how long it may be kept; None leaves that to the server.
    """

    plain: bytes
    packed: bytes
    media_type: str
    digest: str
    cache_control: str | None = None

    @classmethod
    def of(cls, text: str, media_type: str, cache_control: str | None = None) -> Text:
        """Pack a text, in some milliseconds."""
        plain = text.encode()
        packed = gzip.compress(plain, mtime=0)
        return cls(plain, packed, media_type, hashlib.sha256(plain).hexdigest()[:16], cache_control)

    def answer(self, asked: Headers) -> Response:
        """Answer a GET or HEAD request.

        Args:
            asked: its headers; of Accept-Encoding and If-None-Match (RFC 9110, 12.5.3 and 13.1.2).

        Returns:
            200, or 304 if the client has it.
        """
        packed = _takes_gzip(asked.get("accept-encoding", ""))
        # Two forms are two representations: each has a tag of its own.
        tag = f'"{self.digest}-gzip"' if packed else f'"{self.digest}"'
        headers = {"ETag": tag, "Vary": "Accept-Encoding"}
        if self.cache_control is not None:
            headers["Cache-Control"] = self.cache_control
        known = [one.strip().removeprefix("W/") for one in asked.get("if-none-match", "").split(",")]
        if tag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Response(self.packed if packed else self.plain, headers=headers, media_type=self.media_type)


def _takes_gzip(accepted: str) -> bool:
    for one in accepted.lower().split(","):
        coding, _, weight = one.replace(" ", "").partition(";")
        if coding in ("gzip", "x-gzip", "*"):
            return weight not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
