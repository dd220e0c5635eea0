"""A page in which somebody else is seen, and all that models would say of them is said by the test."""

from __future__ import annotations

import base64
import itertools
import json
import time
from typing import Any

from playwright.sync_api import Locator, WebSocketRoute

from tests.browser.pages import Visitor

ROWS = COLUMNS = 14
ASKED = ("ask", "search", "spectrogram", "speaker")
FACE = {"name": None, "speaking": 0.9, "lips_visible": True, "voice": "known", "voice_confidence": 0.8}

VOICE = {"name": None, "speaking": 0.9, "voice": "known", "voice_confidence": 0.8}


class Stage:
    """Bob's page, in which Ada is seen; the test speaks as the server and reads what the page asks of it."""

    def __init__(self, visitor: Visitor, ada: str) -> None:
        self.visitor = visitor
        self.page = visitor.page
        self.ada = ada
        self.sockets: list[WebSocketRoute] = []
        self.asked: list[dict[str, Any]] = []
        self.absent: dict[str, Any] | None = None
        self._ids = itertools.count(1)

    def pass_on(self, socket: WebSocketRoute) -> None:
        """Let everything through but the questions of which this file is about."""
        server = socket.connect_to_server()
        self.sockets.append(socket)

        def from_page(message: str | bytes) -> None:
            said = json.loads(message)
            if said["type"] in ASKED:
                self.asked.append(said)
            else:
                server.send(message)

        def from_server(message: str | bytes) -> None:
            said = json.loads(message)
            if self.absent is not None and "room" in said:
                said["room"]["participants"].append(self.absent)
            socket.send(json.dumps(said))

        socket.on_message(from_page)
        server.on_message(from_server)

    def tell(self, **message: Any) -> None:
        self.sockets[-1].send(json.dumps({"participant": self.ada, **message}))

    def tell_all(self, **message: Any) -> None:
        """Say what is about nobody."""
        self.sockets[-1].send(json.dumps(message))

    def faces(self, *xs: float, voices: tuple[int, ...] = ()) -> None:
        faces = [FACE | {"id": i + 1, "box": [x, 0.25, 0.2, 0.35]} for i, x in enumerate(xs)]
        without = [VOICE | {"id": id} for id in voices]
        self.tell(type="faces", t=time.time(), faces=faces, voices=without)

    def heat(self, row: int, column: int, *, seen: bool = True) -> None:
        """A map that is hot in one cell."""
        x, y = (column + 0.5) / COLUMNS, (row + 0.5) / ROWS
        self.tell(
            type="localization",
            t=time.time(),
            score=1.0,
            peak=[x, y] if seen else None,
            box=[x - 0.1, y - 0.1, 0.2, 0.2] if seen else None,
            rows=ROWS,
            columns=COLUMNS,
            heat=hot(row, column),
        )

    def say(self, face: int | None, text: str, *, final: bool = False, line: int | None = None) -> int:
        number = next(self._ids) if line is None else line
        now = time.time()
        self.tell(type="caption", face=face, id=number, text=text, start=now - 1, end=now, final=final)
        return number

    def face_button(self) -> Locator:
        """The button on the only face, as soon as it is there."""
        button = self.tile.get_by_role("button", name="Hear only Face 1 of Ada")
        for _ in range(200):
            self.faces(0.3)
            self.page.wait_for_timeout(50)
            if button.is_visible():
                break
        return button

    def show(self, *xs: float, voices: tuple[int, ...] = ()) -> None:
        """Tell of faces and voices until the page has them."""
        ids = [i + 1 for i in range(len(xs))], list(voices)
        for _ in range(200):
            self.faces(*xs, voices=voices)
            self.page.wait_for_timeout(50)
            state = self.visitor.state()
            if tuple([one["id"] for one in state[kind].get(self.ada, [])] for kind in ("faces", "voices")) == ids:
                return
        raise AssertionError(f"the page does not have {ids}")

    def question(self, number: int) -> dict[str, Any]:
        """What the page asks, the `number`th time of all, as soon as it has."""
        for _ in range(200):
            if len(self.asked) >= number:
                break
            self.page.wait_for_timeout(50)
        assert len(self.asked) == number, self.asked
        return self.asked[-1]

    @property
    def tile(self) -> Locator:
        return self.page.locator(f"[data-testid=tile][data-participant='{self.ada}']")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)


def hot(row: int, column: int) -> str:
    return base64.b64encode(bytes(255 * (i == row * COLUMNS + column) for i in range(ROWS * COLUMNS))).decode()
