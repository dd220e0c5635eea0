"""A browser as a client: `python -m bench.clients.browser EXECUTABLE CALL` serves it a page and prints what it says."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

CHROMIUM = (
    *("--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    "--autoplay-policy=no-user-gesture-required",
)

FIREFOX = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.loopback": True,
    # OpenH264 would be downloaded.
    "media.gmp-manager.updateEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Page(SimpleHTTPRequestHandler):
    """Gives the page what the call is, and takes what it says of each connection."""

    def __init__(self, call: dict[str, Any], said: queue.Queue[dict[str, Any]], *arguments: Any) -> None:
        self._call, self._said = call, said
        super().__init__(*arguments, directory=str(FOLDER))

    def do_GET(self) -> None:
        if self.path != "/call":
            super().do_GET()
            return
        body = json.dumps(self._call).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self._said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def command(executable: str, profile: str, url: str) -> list[str]:
    if "firefox" not in executable:
        return [executable, *CHROMIUM, f"--user-data-dir={profile}", url]
    preferences = "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in FIREFOX.items())
    Path(profile, "user.js").write_text(preferences)
    return [executable, "--headless", "--no-remote", "--profile", profile, url]


def main() -> None:
    executable, call = sys.argv[1], json.loads(sys.argv[2])
    said: queue.Queue[dict[str, Any]] = queue.Queue()
    server = ThreadingHTTPServer(("127.0.0.1", call["page"]), partial(Page, call, said))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{call['page']}/browser.html"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            command(executable, profile, url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while "done" not in (line := said.get(timeout=120)):
                print(json.dumps(line), flush=True)
        finally:
            browser.terminate()
            browser.wait(20)


if __name__ == "__main__":
    main()
