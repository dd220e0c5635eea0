"""What is heard, seen and said in a call with two puppets, by the real models in their own processes."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from streamer.commands.join import join
from streamer.demo.clip import demo_clip
from streamer.observer.types import GRID
from streamer.rooms.requests import REQUESTS_A_SECOND
from tests.live.conftest import Socket, serving
from tests.live.peers import until

SAID = {"best", "worst", "times", "wisdom", "age", "season", "light", "darkness", "spring", "hope", "winter", "despair"}
"""Of the words that the puppet on the right says (Dickens, A Tale of Two Cities)."""

PATIENT = 240
"""Seconds to wait: what looks and listens runs on idle time, of which a slow machine leaves little beside a call."""


async def heartbeat(control: Socket) -> None:
    """Keeps the socket open, as a page does."""
    while True:
        await control.send(type="ping", n=1)
        await asyncio.sleep(2.5)


def words(captions: list[Any], face: int) -> set[str]:
    """All words of a face's final lines."""
    lines = [c["text"].lower() for c in captions if c["final"] and c["face"] == face]
    return {word.strip(".,;:!?-") for line in lines for word in line.split()}


async def test_the_page_is_told_where_what_and_who_and_its_questions_are_answered():
    await asyncio.to_thread(demo_clip)
    async with serving(engine=True, observer=True) as site:
        engine, observer, stop = site.context.engine, site.context.observer, asyncio.Event()
        await until(lambda: engine.ready and observer.ready, 120)
        room = await site.room()
        ann = await site.join(room, "Ann")
        control = await site.control(room, ann["token"])
        server = str(site.http.base_url)
        beats = asyncio.create_task(heartbeat(control))
        puppets = asyncio.create_task(join(server, room["room"], room["invite"], None, True, "Demo", stop))
        told = control.insights

        def faces() -> list[Any]:
            return control.newest.get("faces", {}).get("faces", [])

        try:
            await until(lambda: len(faces()) == 2, PATIENT)
            left, right = sorted(faces(), key=lambda face: face["box"][0])
            demo = control.newest["faces"]["participant"]
            await control.send(type="spectrogram", participant=demo, face=None)
            await until(lambda: len(words(told["caption"], right["id"]) & SAID) >= 4, PATIENT)
            # What is said while a slow machine reads another line is left out, but they say it again and again.
            await until(lambda: "times" in words(told["caption"], right["id"]), PATIENT)
            await until(lambda: bool(words(told["caption"], left["id"])), PATIENT)
            await until(lambda: any(name == "speech" for m in told["sound"] for name, _ in m["tags"]), PATIENT)
            await until(lambda: bool(told["scene"]) and len(told["spectrogram"]) > 10, PATIENT)

            # The heat lies on a talking face: most peaks fall into one of the two faces' boxes.
            def found() -> list[Any]:
                return [m["peak"] for m in told["localization"] if m["peak"] is not None]

            await until(lambda: len(found()) > 20, PATIENT)
            peaks = found()
            boxes = [face["box"] for face in (left, right)]
            # A peak is the middle of a cell: where in the cell it is, nobody knows.
            cell = 0.5 / GRID
            on_face = sum(
                any(x - cell <= px <= x + w + cell and y - cell <= py <= y + h + cell for x, y, w, h in boxes)
                for px, py in peaks
            )
            assert on_face / len(peaks) > 0.6

            # What the call knows itself has one answer, and the network that looks at the picture offers three.
            await control.send(type="ask", id=1, participant=demo, question="how many people are there")
            await control.send(type="ask", id=2, participant=demo, question="what is behind the people")
            await until(lambda: len(told["answer"]) == 2, 20)
            answers = {answer["id"]: answer["answers"] for answer in told["answer"]}
            assert answers[1] == [["2", 1.0]]
            assert len(answers[2]) == 3 and all(0 < chance <= 1 for _, chance in answers[2])

            # A line is found once the observer has read it, which is in its own time; searches are limited in rate.
            def found_words() -> list[str]:
                return [m["text"].lower() for one in told["found"] for m in one["moments"] if m["kind"] == "words"]

            async with asyncio.timeout(PATIENT):
                while not any("times" in text for text in found_words()):
                    count = len(told["found"])
                    await control.send(type="search", id=10 + count, query="best of times")
                    await until(lambda count=count: len(told["found"]) > count, PATIENT)
                    await asyncio.sleep(2 / REQUESTS_A_SECOND)

            headers = {"Authorization": f"Bearer {ann['token']}"}
            vtt = await site.http.get(f"/rooms/{room['room']}/transcript.vtt", headers=headers)
            assert vtt.status_code == 200 and vtt.text.startswith("WEBVTT") and "<v Demo, face" in vtt.text
            nobody = await site.http.get(f"/rooms/{room['room']}/transcript.vtt")
            assert nobody.status_code == 401
            other = await site.http.get(f"/rooms/{room['room']}/transcript.pdf", headers=headers)
            assert other.status_code == 422 and "reason" in other.json()

            # When these models die, voices go on being separated, and they come back.
            process = observer.pid
            os.kill(process, signal.SIGKILL)
            await until(lambda: not observer.ready, 10)
            await control.send(type="ask", id=3, participant=demo, question="what is this")
            await until(lambda: control.newest.get("error", {}).get("code") == "unavailable", 5)
            assert engine.statistics.starts == 1
            told["localization"].clear()
            await until(lambda: bool(told["localization"]), PATIENT)
            assert observer.statistics.starts == 2
            assert control.newest["status"]["voices_separated"]
        finally:
            stop.set()
            beats.cancel()
            await asyncio.gather(beats, return_exceptions=True)
            await puppets
