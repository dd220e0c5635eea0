"""A voice in, a face out."""

from __future__ import annotations

import numpy as np
import torch

from models.common.arrays import F32
from models.speech2face.decoder import load_face_decoder
from models.speech2face.drawn import DrawnFace
from models.speech2face.network import GROUPS, load_voice_to_face
from models.speech2face.prints import VoicePrints
from models.speech2face.solo import Solo
from models.voiceprint.campplus_runtime import SpeakerEncoder


class FaceMaker:
    """The trained networks on one CPU thread.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self) -> None:
        speaker = SpeakerEncoder()
        self._solo, self._prints = Solo(speaker), VoicePrints(speaker)
        self._net, self._decoder = load_voice_to_face(), load_face_decoder()

    def draw(self, pcm: F32) -> DrawnFace:
        """Draw a face for a recording of one voice.

        Args:
            pcm: (N,) at 16 kHz, [-1, 1]; the first minute is heard.

        Raises:
            Unusable: it is silent, holds less than two seconds of speech, or two voices.
        """
        return self.draw_speech(self._solo.speech(pcm))

    def draw_speech(self, pcm: F32) -> DrawnFace:
        """Draw a face for what is known to be one person's speech, two seconds or more."""
        with torch.inference_mode():
            guess = self._net.guess(torch.from_numpy(self._prints.of(pcm)))
            picture = self._decoder(guess.embedding[None])[0]
        rgb = np.rint(picture.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        female = float(guess.female)
        age = dict(zip(GROUPS, (float(p) for p in guess.age), strict=True))
        return DrawnFace(rgb, guess.embedding.numpy(), {"female": female, "male": 1 - female}, age)
