"""As much of WebDriver BiDi as it takes to look at a page in Firefox, which Playwright's own build is not."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PREFERENCES = {
    "media.autoplay.default": 0,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
PATIENCE = 120
"""Seconds for an answer."""


class Page:
    """One tab, and what went wrong in it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, count()
        self.errors: list[str] = []
        self._call("session.new", capabilities={})
        self._context = self._call("browsingContext.create", type="tab")["context"]
        self._call("session.subscribe", events=["log.entryAdded"])

    def open(self, address: str) -> None:
        """Open an address, and wait until all of it is there."""
        self._call("browsingContext.navigate", context=self._context, url=address, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, that of a promise once it is kept."""
        found = self._call(
            "script.evaluate", expression=expression, awaitPromise=True, target={"context": self._context}
        )
        assert found["type"] == "success", found
        return found["result"].get("value")

    def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv(PATIENCE))
            if said.get("method") == "log.entryAdded" and said["params"]["level"] == "error":
                self.errors.append(said["params"]["text"])
            if said.get("id") == number:
                assert said["type"] == "success", said
                return said["result"]


@contextmanager
def firefox(executable: str, profile: Path) -> Iterator[Page]:
    """Run a Firefox of its own."""
    profile.mkdir()
    written = "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
    (profile / "user.js").write_text(written)
    command = [executable, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert browser.stderr is not None
    try:
        found = next(match for line in browser.stderr if (match := re.search(r"listening on (ws://\S+)", line)))
        with connect(f"{found[1]}/session", max_size=None) as socket:
            yield Page(socket)
    finally:
        browser.terminate()
        browser.wait(30)
        browser.stderr.close()
