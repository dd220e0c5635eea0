"""What may be kept by caches: static files, to be asked for again; everything else is of the moment."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Scope

from streamer.server.middleware.base import SAFE_METHODS, AnswerHeaders


class CacheHeaders(AnswerHeaders):
    """Adds Cache-Control to answers that have none."""

    def add(self, scope: Scope, asked: Headers, answer: MutableHeaders) -> None:
        """Add to an answer's headers."""
        if "cache-control" not in answer:
            # Static files are the answers to safe methods that carry an ETag.
            static = scope["method"] in SAFE_METHODS and "etag" in answer
            answer["Cache-Control"] = "no-cache" if static else "no-store"
