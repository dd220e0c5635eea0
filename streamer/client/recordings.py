"""Whether a call is recorded, asked now and then by who has no page on which it stands."""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import quote

import httpx

from streamer.client.loopback import http_client

ASK_EVERY = 2.0
"""Seconds. Nothing is recorded of a participant without a page before it has asked."""

ANSWER_SECONDS = 5.0

FINAL = (401, 403, 404, 405)
"""Answers of a server that has no such thing, or does not know who asks."""


async def tell_of_recordings(server: str, room: str, token: str | None) -> None:
    """Say on stderr when a call begins to be recorded, and when that ends; until cancelled.

    Args:
        server: its address.
        room: id.
        token: that one is in the call with. Another WHIP server knows nothing of this, and is asked no more.
    """
    recorded = False
    address = f"{server}/rooms/{quote(room, safe='')}/recording"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http_client(ANSWER_SECONDS) as http:
        while True:
            try:
                answer = await http.get(address, headers=headers)
                if answer.status_code in FINAL:
                    return
                now = answer.raise_for_status().json()["state"] != "off"
            except (httpx.HTTPError, ValueError, KeyError, TypeError):
                now = recorded
            if now != recorded:
                print(
                    "This call is being recorded." if now else "The recording has ended.", file=sys.stderr, flush=True
                )
                recorded = now
            await asyncio.sleep(ASK_EVERY)
