"""Real people before a real browser's camera: `python -m bench.live FOLDER`.

FOLDER holds conversations as `models.train.data.conversations` describes them. Each is played over and over as camera
and microphone of a Chromium that joins a call, for three rounds. Measured is what the page is told: when each voice is
known, who is said to speak, whose face a caption is put under, how many faces there seem to be. `--picture FILE` takes
a picture of the page at the end of the first conversation. What the page was told is kept in FOLDER/NAME-told.jsonl;
with `--made` that of an earlier run is scored.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from playwright.sync_api import Playwright, WebSocketRoute, sync_playwright

from bench.call import Call, call
from bench.page import publish, table
from models.common.audio import SAMPLE_RATE
from models.train.data.conversations import FRAME, Conversation, load, seconds

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--allow-loopback-in-peer-connection"),
    "--autoplay-policy=no-user-gesture-required",
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)
SIZE, FPS = (640, 480), 15
"""Of the camera: the browser encodes on the same cores on which the server works."""

ROUNDS = 3
STEP = FRAME / SAMPLE_RATE
WAIT = 4.0
"""Seconds after the end, for captions to be finished."""

PASSING = 5
"""Pictures up to which a face does not count: it was given up again at once."""

TORN = 2
"""Words up to which a line may be torn out of a sentence."""

PAUSE = 0.5
"""Seconds between two lines of a face from which they are two sentences."""


@dataclass
class Told:
    """What the page was told: times are the server's."""

    texts: list[str] = field(default_factory=list)
    faces: list[dict[str, Any]] = field(default_factory=list)
    lines: dict[int, dict[str, Any]] = field(default_factory=dict)

    def take(self, text: str) -> None:
        """Keep a message of the control socket, if it is of use."""
        message = json.loads(text)
        if message["type"] == "faces":
            self.faces.append(message)
        elif message["type"] == "caption" and message["final"] and message["text"]:
            self.lines[message["id"]] = message
        else:
            return
        self.texts.append(text)


@dataclass
class Score:
    """Of one conversation.

    Attributes:
        until_known: seconds of own speech until the voice was known, by person; infinite if never.
        judged: (truth, said) by picture and face.
        lines: for each line whether who it stands under spoke in it, at least half as long as anybody; None where it
            stands under nobody.
        torn: lines of a word or two that follow or precede another of the same face without a pause.
        faces: numbers of faces that were shown, beyond one a person.
    """

    until_known: list[float]
    judged: list[tuple[bool, bool]]
    lines: list[bool | None]
    torn: int
    faces: int


def devices(conversation: Conversation, folder: Path) -> tuple[Path, Path]:
    """Write camera and microphone: the conversation in the middle of a picture of the usual shape; both begin anew."""
    camera, microphone = folder / "camera.y4m", folder / "microphone.wav"
    with av.open(str(conversation.path)) as source, camera.open("wb") as out:
        out.write(f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        pictures = []
        for frame in source.decode(video=0):
            scale = min(SIZE[0] / frame.width, SIZE[1] / frame.height)
            width, height = (round(scale * side / 2) * 2 for side in (frame.width, frame.height))
            whole = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
            left, top = (SIZE[0] - width) // 2, (SIZE[1] - height) // 2
            whole[top : top + height, left : left + width] = frame.reformat(width, height, "rgb24").to_ndarray()
            planes = av.VideoFrame.from_ndarray(whole, "rgb24").reformat(format="yuvj420p").to_ndarray()
            pictures.append(planes.tobytes())
        count = int(conversation.voices.shape[1] / SAMPLE_RATE * FPS)
        for i in range(count):
            out.write(b"FRAME\n" + pictures[min(round(i / FPS / STEP), len(pictures) - 1)])
    soundfile.write(microphone, conversation.mixture[: count * SAMPLE_RATE // FPS], SAMPLE_RATE, "PCM_16")
    return camera, microphone


def play(playwright: Playwright, running: Call, conversation: Conversation, picture: Path | None) -> Told:
    """Join with a conversation as camera and microphone, and listen to what the page is told."""
    told = Told()
    with tempfile.TemporaryDirectory() as folder:
        camera, microphone = devices(conversation, Path(folder))
        lasts = ROUNDS * conversation.voices.shape[1] / SAMPLE_RATE
        flags = [f"--use-file-for-fake-video-capture={camera}", f"--use-file-for-fake-audio-capture={microphone}"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, *flags])
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 800})

            def pass_on(socket: WebSocketRoute) -> None:
                server = socket.connect_to_server()

                def heard(text: str | bytes) -> None:
                    told.take(str(text))
                    socket.send(text)

                server.on_message(heard)

            page.route_web_socket("**/control", pass_on)
            page.goto(running.address + running.made["link"])
            page.get_by_test_id("join-name").fill("Ada")
            page.get_by_test_id("join-button").click()
            page.wait_for_timeout(1000 * (lasts - 3))
            if picture is not None:
                page.screenshot(path=picture)
            page.wait_for_timeout(1000 * (3 + WAIT))
            page.get_by_test_id("leave").click()
        finally:
            browser.close()
    return told


def score(conversation: Conversation, told: Told) -> Score:
    """Compare what was told with what is known."""
    lasts = int(conversation.voices.shape[1] / SAMPLE_RATE * FPS) / FPS
    once = conversation.talks()[:, : int(lasts / STEP)]
    first = min(message["t"] for message in told.faces)
    begin = first - phase(once, told, first)
    truth = np.tile(once, ROUNDS + 3)
    numbers: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    judged, known_at = [], dict[int, float]()
    for message in told.faces:
        t = message["t"] - begin
        if not 0 <= t < truth.shape[1] * STEP:
            continue
        within = t % lasts
        for face in message["faces"]:
            person = conversation.person_at(within, face["box"])
            if person is None:
                continue
            numbers[person][face["id"]] += 1
            judged.append((bool(truth[person, int(t / STEP)]), face["speaking"] >= 0.5))
            if face["voice"] == "known":
                known_at.setdefault(person, t)
    until = [
        seconds(truth[person, int((first - begin) / STEP) : int(known_at[person] / STEP)])
        if person in known_at
        else np.inf
        for person in conversation.seen
    ]
    of = {id: person for person, counts in numbers.items() for id, count in counts.items() if count > PASSING}
    hidden = [person for person in range(len(truth)) if person not in conversation.seen]
    lines = sorted(told.lines.values(), key=lambda line: float(line["start"]))
    placed: list[bool | None] = []
    for line in lines:
        part = truth[:, max(0, int((line["start"] - begin) / STEP)) : max(1, int((line["end"] - begin) / STEP))]
        said = part.sum(axis=1)
        whose = [of[line["face"]]] if line["face"] in of else hidden if (line["face"] or 0) < 0 else None
        placed.append(None if whose is None else any(2 * said[person] >= said.max() > 0 for person in whose))
    return Score(until, judged, placed, torn(lines), len(of) - len(numbers))


def phase(once: np.ndarray, told: Told, first: float) -> float:
    """Seconds into the conversation at which it was seen first: where speech and what is said of it agree best."""
    heard = [(m["t"] - first, max((f["speaking"] for f in m["faces"] + m["voices"]), default=0.0)) for m in told.faces]
    times, said = np.array(heard).T
    anybody = np.where(once.max(axis=0), 0.5, -0.5)
    shifts = np.arange(once.shape[1])
    agreement = [((said - 0.5) * anybody[(times / STEP + shift).astype(int) % len(anybody)]).sum() for shift in shifts]
    return float(shifts[np.argmax(agreement)] * STEP)


def torn(lines: list[dict[str, Any]]) -> int:
    """How many short lines are a piece of a sentence."""
    count = 0
    for line in lines:
        others = [other for other in lines if other["face"] == line["face"] and other is not line]
        near = any(
            -PAUSE < line["start"] - o["end"] < PAUSE or -PAUSE < o["start"] - line["end"] < PAUSE for o in others
        )
        count += near and len(line["text"].split()) <= TORN
    return count


def summary(kind: str, scores: list[Score]) -> list[str]:
    """A row of the table."""
    until = np.array([value for one in scores for value in one.until_known])
    truth, said = np.array([pair for one in scores for pair in one.judged], bool).reshape(-1, 2).T
    lines = [right for one in scores for right in one.lines]
    return [
        f"{kind}, {len(scores)}",
        f"{np.isfinite(until).sum()}/{len(until)}",
        " / ".join(f"{np.quantile(until, q, method='inverted_cdf'):.1f} s" for q in (0.5, 0.95)),
        f"{(said[truth].mean() + (~said[~truth]).mean()) / 2:.3f}",
        f"{sum(right is True for right in lines)} of {sum(right is not None for right in lines)}",
        str(sum(right is None for right in lines)),
        str(sum(one.torn for one in scores)),
        str(sum(one.faces for one in scores)),
    ]


HEAD = [
    "kind, conversations",
    "voices known",
    "own speech until known, p50 / p95",
    "who speaks, balanced accuracy",
    "lines under who spoke",
    "lines under nobody",
    "lines torn out of a sentence",
    "faces shown twice",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--picture", type=Path, help="of the page, in the first conversation")
    parser.add_argument(
        "--made", action="store_true", help="score what an earlier run was told; pages stay as they are"
    )
    options = parser.parse_args()
    scores: dict[str, list[Score]] = defaultdict(list)
    picture = options.picture
    with sync_playwright() as playwright:
        for conversation in load(options.folder):
            kept, told = conversation.path.with_name(f"{conversation.path.stem}-told.jsonl"), Told()
            if options.made:
                for text in kept.read_text().splitlines():
                    told.take(text)
            else:
                with call() as running:
                    told = play(playwright, running, conversation, picture)
                kept.write_text("\n".join(told.texts))
            picture = None
            scores[conversation.kind].append(score(conversation, told))
    text = table(HEAD, [summary(kind, some) for kind, some in scores.items()])
    if options.made:
        print(text)
    else:
        publish("live", "python -m bench.live FOLDER", text)


if __name__ == "__main__":
    main()
