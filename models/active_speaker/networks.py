"""The networks that attribution listens with."""

from __future__ import annotations

import torch

from models.active_speaker.attribution import Networks
from models.common.arrays import F32
from models.common.weights import FOLDER, filled
from models.speech.segmentation_runtime import Segmenter
from models.voiceprint.campplus_runtime import SpeakerEncoder
from models.voiceprint.encoder import VoiceEncoder


def load_networks() -> Networks:
    """Load them: segmentation, CAM++ for telling voices apart, and GE2E for the separator's prints.

    Raises:
        FileNotFoundError: weights are not there.
    """
    encoder = filled(VoiceEncoder(), FOLDER / "voice.safetensors")

    @torch.inference_mode()
    def prints(pcm: F32) -> F32:
        found: F32 = encoder.enrol(torch.from_numpy(pcm)[None])[0].numpy()
        return found

    return Networks(Segmenter().segment, SpeakerEncoder().embed, prints)
