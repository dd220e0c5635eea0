"""Somebody's camera is off, and a portrait that they chose speaks with their voice: in step, and theirs alone."""

from __future__ import annotations

import asyncio
import base64
import time
from fractions import Fraction

import av
import cv2
import httpx
import numpy as np
import skimage.data
import soundfile
from scipy.signal import resample_poly

from models.common.weights import packaged
from models.portrait.mouth import Mouth, opening
from streamer.portraits.rows import unpacked
from streamer.rtc.rtp import pts_of
from tests.live.conftest import Resource, Site, serving
from tests.live.peers import Paced, until

ROWS = len(base64.b64encode(bytes(55)))
"""Characters of five rows."""


class Speech(Paced):
    """A recorded voice over and over, 20 ms at a time."""

    kind = "audio"

    def __init__(self, pcm: np.ndarray) -> None:
        super().__init__(0.02, time.monotonic())
        self._pcm = np.clip(pcm * 32_767, -32_768, 32_767).astype(np.int16)

    async def recv(self) -> av.AudioFrame:
        await self._due()
        at = (self.count - 1) * 960 % (len(self._pcm) - 960)
        frame = av.AudioFrame.from_ndarray(self._pcm[None, at : at + 960], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, (self.count - 1) * 960, Fraction(1, 48_000)
        return frame


def voice() -> np.ndarray:
    """Eight seconds at 48 kHz."""
    pcm, rate = soundfile.read(packaged("moonshine_voice", "assets", "two_cities.wav"), dtype="float32", always_2d=True)
    return resample_poly(pcm[: 9 * rate].mean(axis=1), 48_000, rate)[48_000 : 9 * 48_000].astype(np.float32)


def jpeg(rgb: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


async def send(site: Site, room: dict, token: str, photo: bytes) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "image/jpeg"}
    return await site.http.post(f"/rooms/{room['room']}/portrait", content=photo, headers=headers, timeout=120)


def place(found: np.ndarray, at: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Where in `wanted`, every 20 ms and going round, is what was found `at` seconds from its beginning; how alike."""
    times = np.arange(len(wanted)) * 0.02
    shifts = np.arange(0, len(wanted) * 0.02, 0.005)
    scores = [
        np.corrcoef(found, np.interp(at + shift, times, wanted, period=len(wanted) * 0.02))[0, 1] for shift in shifts
    ]
    return float(shifts[np.argmax(scores)]), float(max(scores))


def openings(mouth: Mouth, pcm: np.ndarray) -> np.ndarray:
    """How far the mouth is open every 20 ms of sound at 48 kHz that goes round, when there is time to listen ahead."""
    twice = resample_poly(np.tile(pcm, 3), 1, 3).astype(np.float32)
    rows = [opening(mouth.hear(twice[by:], mouth.begin())) for by in (0, 320)]
    count = len(pcm) // 960
    both = np.stack([row[: min(map(len, rows))] for row in rows], axis=1).ravel()
    return both[count : 2 * count]


async def test_a_portrait_speaks_with_the_voice_that_is_heard() -> None:
    pcm, astronaut = await asyncio.to_thread(lambda: (voice(), np.ascontiguousarray(skimage.data.astronaut())))
    async with serving() as site:
        room = await site.room()
        ann, ben = await site.join(room, "Ann"), await site.join(room, "Ben")
        ears = await site.control(room, ben["token"])
        ears.insights["mouth"] = []
        viewer: Resource = await site.watch(room, ben["token"])
        await site.publish(room, ann["token"], Speech(pcm))
        mouth = await asyncio.to_thread(Mouth)

        # Without a photo with one face in it there is none, and nothing of a mouth is sent.
        grey = await send(site, room, ann["token"], jpeg(np.full((200, 200, 3), 90, np.uint8)))
        assert grey.status_code == 422 and grey.json()["reason"] == "This photo does not do: no face is found in it."
        assert ears.insights["mouth"] == []
        photo = jpeg(astronaut)
        assert len(photo) < 64 * 1024
        made = await send(site, room, ann["token"], photo)
        assert made.status_code == 201, made.text

        def state() -> dict:
            people = ears.newest.get("room", {}).get("room", {}).get("participants", [])
            return next((one for one in people if one["id"] == ann["participant"]), {})

        await until(lambda: (state().get("portrait") or {}).get("made") == "photo")
        where = f"/rooms/{room['room']}/portraits/{ann['participant']}"
        answer = await site.http.get(where, headers={"Authorization": f"Bearer {ben['token']}"})
        assert answer.headers["cache-control"] == "no-store" and len(answer.content) < 300_000
        picture = base64.b64decode(answer.json()["picture"])
        assert picture.startswith(b"\xff\xd8\xff\xe1") and b"trainedAlgorithmicMedia" in picture
        assert (await site.http.get(where)).status_code == 401

        # What is sent of the mouth is that of the sound which is heard at the same time, by the mix's clock.
        base, period = ears.newest["slots"]["sound_base"], pcm[: len(pcm) - 960]
        mouths, frames = ears.insights["mouth"], viewer.frames["audio0"]
        desk = site.context.rooms.get(room["room"]).desk

        def adjusted() -> tuple[int, int]:
            return desk.statistics().underruns, desk.statistics().dropped

        # A buffer that grows or shrinks meanwhile moves the sound by a block from there on, and the mouth with it.
        async with asyncio.timeout(90):
            judged = False
            while not judged:
                first, before = len(mouths), adjusted()
                await until(lambda first=first, before=before: len(mouths) > first + 160 or adjusted() != before, 60)
                judged = adjusted() == before and mouths[-150]["at"] is not None
        # A machine that is busy may leave some out: what is sent says when it is.
        seen, frames = [one for one in mouths[-150:] if len(one["rows"]) == ROWS], list(frames)
        rows = np.stack([unpacked(base64.b64decode(one["rows"]))[0] for one in seen])
        at = np.array([one["at"] - seen[0]["at"] for one in seen])
        wanted = await asyncio.to_thread(openings, mouth, period)
        lips, alike = place(opening(mouth.shape(rows)), at, wanted)
        assert alike > 0.75, (np.diff(at), len(seen))
        heard = np.zeros(len(period), np.float32)
        for frame in frames:
            begin = frame.pts - frames[0].pts
            heard[begin : begin + 960] = frame.to_ndarray().reshape(-1, 2)[:, 0]
        sound = np.fft.irfft(np.fft.rfft(period) * np.conj(np.fft.rfft(heard)))
        # Where in the recording each of them is at the beginning of the mix's clock, seconds; it goes round.
        lips_at = lips - seen[0]["at"]
        receiver = next(one.receiver for one in viewer.pc.getTransceivers() if one.kind == "audio")
        origin = pts_of(receiver, base)
        assert origin is not None
        ears_at = int(np.argmax(sound)) / 48_000 - ((frames[0].pts - origin) % 2**32) / 48_000
        length = len(period) / 48_000
        apart = (lips_at - ears_at + length / 2) % length - length / 2
        assert abs(apart) < 0.025, (apart, alike)

        # Put away, it is gone for everybody.
        socket = await site.control(room, ann["token"])
        await socket.send(type="portrait", voice=False)
        await until(lambda: state().get("portrait") is None)
        mouths.clear()
        await asyncio.sleep(0.3)
        assert mouths == []
        gone = await site.http.get(where, headers={"Authorization": f"Bearer {ben['token']}"})
        assert gone.status_code == 404
