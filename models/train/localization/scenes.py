"""Scenes composed of pictures and sounds: one thing makes the sound, others only move, and it is known which.

The box is for scoring; training never looks at it.
"""

from __future__ import annotations

import numpy as np

from models.common.arrays import F32, I16, U8
from models.localization.box import Box
from models.train.localization.scene_actors import (
    FRAMES,
    SAMPLES,
    Actor,
    Rng,
    envelope,
    face_actor,
    mouth,
    moving_pose,
    still_pose,
    thing_actor,
    video_actor,
    wandering,
)
from models.train.localization.scene_drawing import VideoScene
from models.train.localization.scene_stock import Stock, Talk

KINDS = {"speech": 0.5, "dog": 0.14, "vehicle": 0.14, "children": 0.1, "music": 0.12}
"""What makes the sound, and how often."""

AREA = (0.05, 0.35)
"""Share of the picture that the source covers."""


VIDEOS = (0.12, 0.08)
"""How often a talker, and a talker beside, is one of the filmed ones."""


class Composer:
    """Makes scenes of one half of the stock.

    Args:
        stock: of pictures and sounds.
        size: pixels of a sprite's side.
    """

    def __init__(self, stock: Stock, size: int = 160) -> None:
        self.stock = stock
        self._size = size

    def scene(self, rng: Rng, kind: str | None = None) -> VideoScene:
        """Compose a scene in which `kind` (drawn at random if None) makes the sound and is to be seen."""
        kind = kind or str(rng.choice(list(KINDS), p=list(KINDS.values())))
        moves = kind == "speech" or bool(rng.random() < (1.0 if kind == "music" else 0.75))
        source, sound = self._source(rng, kind, moves)
        return self._stage(rng, kind, source, sound, moves)

    def without_source(self, rng: Rng, kind: str) -> VideoScene:
        """Compose "silence", "off-screen" sound, or "still music": nothing to be seen makes the sound."""
        seen = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        source, sound = self._source(rng, seen, seen == "speech" or kind != "still music")
        if kind == "silence":
            sound = rng.normal(0, 10 ** rng.uniform(-5.5, -3.5), SAMPLES).astype(np.float32)
        elif kind == "still music":
            sound = _loud(self._clip(rng, "music"), rng)
        elif seen == "speech" or rng.random() < 0.5:
            # Of another kind than anything shown, or a voice to which no mouth here moves.
            names = [k for k in (*KINDS, "elsewhere") if k != seen or seen == "speech"]
            sound = _loud(self._any(rng, str(rng.choice(names)))[1], rng)
        else:
            sound = _loud(self._any(rng, "elsewhere")[1], rng)
        scene = self._stage(rng, seen, source, sound, False, still=kind == "still music")
        scene.kind, scene.box = kind, None
        return scene

    def photograph(self, rng: Rng, kind: str, shows: bool = True) -> VideoScene:
        """Film a photograph that shows `kind` (or has none of it) while it sounds: its place in it is not known."""
        names = self.stock.sources[kind]
        if not shows:
            names = [name for name, counts in self.stock.named.items() if counts[kind] == 0]
        sound = _loud(self._clip(rng, kind), rng)
        scene = VideoScene(kind, sound, None, [], int(rng.choice([1, 2])), False, self._picture(str(rng.choice(names))))
        _by_hand(scene, rng)
        scene.sound = self._with_noise(rng, sound)
        return scene

    def _source(self, rng: Rng, kind: str, moves: bool) -> tuple[Actor, F32]:
        if kind == "speech":
            if rng.random() < VIDEOS[0]:
                video = self.stock.videos[rng.integers(len(self.stock.videos))]
                return video_actor(video, rng, self._size), _loud(video.sound, rng)
            talk, sound = self._talk(rng)
            return self._face(rng, mouth(talk, sound, rng)), _loud(sound, rng)
        sound = self._clip(rng, kind)
        pose = still_pose()
        if moves:
            drive = envelope(sound, rng.uniform(-0.04, 0.06))
            drive = np.convolve(drive, np.ones(2) / 2, "same").astype(np.float32)
            pose = moving_pose(rng, np.clip(drive * (1 + rng.uniform(0, 0.3) * wandering(rng, 0.2)), 0, 1.3))
        names = self.stock.sources[kind]
        return thing_actor(self._picture(names[rng.integers(len(names))]), rng, self._size, pose), _loud(sound, rng)

    def _stage(self, rng: Rng, kind: str, source: Actor, sound: F32, moves: bool, still: bool = False) -> VideoScene:
        names = list(self.stock.encoded)
        for _ in range(200):
            name = names[rng.integers(len(names))]
            if name not in self.stock.faced and self.stock.named[name].get(kind, 0) == 0:
                break
        scene = VideoScene(kind, sound, None, [], int(rng.choice([1, 2], p=[0.7, 0.3])), moves, self._picture(name))
        taken: list[Box] = []
        others = int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))
        # Faces beside a talker, and as often larger: the largest face must not tell.
        share = 0.9 if kind == "speech" else 0.45
        cast: list[Actor] = [source]
        for _ in range(others):
            face = rng.random() < share
            cast.append(self._distractor_face(rng, still) if face else self._distractor_thing(rng, kind, still))
        first = int(rng.integers(len(cast))) if kind == "speech" else 0
        for actor in [cast[first], *cast[:first], *cast[first + 1 :]]:
            box = self._place(rng, scene, actor, taken, np.sqrt(rng.uniform(*AREA)))
            if actor is source:
                scene.box = box
        if scene.box is None:
            return self._stage(rng, kind, source, sound, moves, still)
        _by_hand(scene, rng, still)
        order = rng.permutation(len(scene.actors))
        scene.actors = [scene.actors[i] for i in order]
        scene.sound = self._with_noise(rng, sound)
        return scene

    def _place(self, rng: Rng, scene: VideoScene, actor: Actor, taken: list[Box], side: float) -> Box | None:
        """Put an actor where there is room; its box has about the area side**2."""
        bx, by, bw, bh = actor.box
        for attempt in range(40):
            # Who comes later makes do with less.
            width = side / np.sqrt(bw * bh) * (0.97**attempt if taken else 1.0)
            w, h = bw * width, bh * width
            if not taken and max(w, h) > 0.95:
                width *= 0.95 / max(w, h)
                w, h = bw * width, bh * width
            if max(w, h) >= 1 or w * h < AREA[0]:
                continue
            x, y = rng.uniform(0, 1 - w), rng.uniform(0, 1 - h)
            whole = (x - 0.3 * w, y - 0.2 * h, 1.6 * w, 1.4 * h) if actor.face else (x, y, w, h)
            if all(not _touch(whole, other) for other in taken):
                taken.append(whole)
                scene.actors.append((actor, x - (bx - 0.5) * width, y - (by - 0.5) * width, width))
                if actor.face:
                    scene.faces.append((x, y, w, h))
                return x, y, w, h
        return None

    def _distractor_face(self, rng: Rng, still: bool) -> Actor:
        how = "photograph" if still else rng.choice(["talks", "listens", "photograph"], p=[0.65, 0.25, 0.1])
        if how != "talks":
            return self._face(rng, np.zeros(FRAMES, np.float32), moves=how == "listens")
        if rng.random() < VIDEOS[1]:
            video = self.stock.videos[rng.integers(len(self.stock.videos))]
            return video_actor(video, rng, self._size)
        talk, sound = self._talk(rng)
        return self._face(rng, np.roll(mouth(talk, sound, rng), int(rng.integers(FRAMES))))

    def _distractor_thing(self, rng: Rng, kind: str, still: bool) -> Actor:
        kinds = [k for k in self.stock.sources if k != kind]
        names = self.stock.sources[str(rng.choice(kinds))]
        pose = still_pose()
        if not still and rng.random() < 0.75:
            if rng.random() < 0.6:
                drive = envelope(self._any(rng, str(rng.choice([*KINDS, "elsewhere"])))[1])
                drive = np.roll(drive, int(rng.integers(FRAMES)))
            else:
                drive = np.clip(0.5 + 0.4 * wandering(rng, rng.uniform(0.1, 0.8)), 0, 1).astype(np.float32)
            pose = moving_pose(rng, drive)
        return thing_actor(self._picture(names[rng.integers(len(names))]), rng, self._size, pose)

    def _face(self, rng: Rng, opening: F32, moves: bool = True) -> Actor:
        face = self.stock.faces[rng.integers(len(self.stock.faces))]
        return face_actor(self._picture(face.picture), face, opening, rng, self._size, moves)

    def _picture(self, name: str) -> U8:
        return self.stock.picture(name)

    def _talk(self, rng: Rng) -> tuple[Talk, I16]:
        talks = self.stock.talks
        talk = talks[rng.integers(len(talks))]
        if talk.opening is not None:
            return talk, np.resize(talk.sound, SAMPLES)
        start = int(rng.integers(max(1, len(talk.sound) - SAMPLES)))
        return talk, np.resize(talk.sound[start : start + SAMPLES], SAMPLES)

    def _clip(self, rng: Rng, kind: str) -> I16:
        clips = self.stock.sounds[kind]
        clip = clips[rng.integers(len(clips))]
        start = int(rng.integers(max(1, len(clip) - SAMPLES)))
        return np.resize(clip[start : start + SAMPLES], SAMPLES)

    def _any(self, rng: Rng, kind: str) -> tuple[Talk | None, I16]:
        return self._talk(rng) if kind == "speech" else (None, self._clip(rng, kind))

    def _with_noise(self, rng: Rng, sound: F32) -> F32:
        noise = rng.normal(0, 10 ** rng.uniform(-5, -3.5), SAMPLES)
        if rng.random() < 0.3:
            clip = self.stock.noises[rng.integers(len(self.stock.noises))].astype(np.float32)
            clip = np.resize(clip, SAMPLES)
            strong = np.sqrt(np.mean(sound**2)) / (np.sqrt(np.mean(clip**2)) + 1e-9)
            noise = noise + clip * strong * 10 ** (rng.uniform(-30, -6) / 20)
        return np.clip(sound + noise, -1, 1).astype(np.float32)


def _by_hand(scene: VideoScene, rng: Rng, still: bool = False) -> None:
    """Let the camera shake and the light change, unless it is all still; the camera has its grain."""
    if not still and rng.random() < 0.5:
        size = rng.choice([0.0005, 0.002, 0.005])
        scene.camera = size * np.stack([wandering(rng, rng.uniform(0.05, 0.5)) for _ in range(2)], axis=1)
    if not still and rng.random() < 0.4:
        scene.light = 1 + np.float32(rng.uniform(0.01, 0.08)) * wandering(rng, rng.uniform(0.04, 0.6))
    scene.noise = float(rng.choice([0, 1, 3, 6]))
    scene.seed = int(rng.integers(1 << 31))


def _loud(sound: I16, rng: Rng) -> F32:
    """Bring a sound to a level of -35 to -14 dB of full scale."""
    x = sound.astype(np.float32) / 32768
    return np.asarray(x * 10 ** (rng.uniform(-35, -14) / 20) / (np.sqrt(np.mean(x**2)) + 1e-6), np.float32)


def _touch(a: Box, b: Box) -> bool:
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return w > 0 and h > 0 and w * h > 0.05 * min(a[2] * a[3], b[2] * b[3])
