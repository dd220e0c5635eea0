"""Reads a line aloud, for people who cannot see the picture: CMU Flite, from the system's package `libflite1`.

Flite and its voices are under CMU's licence, free for any use if the notice stays (Debian main; `apt install
libflite1`, which Debian's ffmpeg brings along). `models.speech.voices` prefers Kokoro where that is
installed. Source: Black and Lenzo 2001, "Flite: a small fast run-time synthesis engine".
"""

from __future__ import annotations

import ctypes
import threading
import unicodedata
from typing import Literal

import numpy as np

from models.common.arrays import F32

CALL_RATE = 48_000
"""Samples a second of a call, at which it speaks."""

LONGEST = 400
"""Characters read at once; half a minute of speech."""

LEVEL = 0.06
"""Root mean square of the speech, -24 dB of full scale: as loud as people in a call."""

_FLITE = threading.Lock()
"""The library and its voice are one for the whole process."""


class VoiceMissing(Exception):
    """There is no speech synthesis on this machine; the message says how to get it."""


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class SpeechSynthesizer:
    """One voice. Any thread may call `say`; they speak one after the other.

    Whether it is a good moment to speak is for the caller to know.

    Args:
        voice: "slt" (a woman) or "rms" (a man), both American English.

    Raises:
        VoiceMissing: libflite is not installed.
    """

    def __init__(self, voice: Literal["slt", "rms"] = "slt") -> None:
        try:
            self._flite = ctypes.CDLL("libflite.so.1")
            voices = ctypes.CDLL(f"libflite_cmu_us_{voice}.so.1")
        except OSError as error:
            raise VoiceMissing("Nothing can be read aloud: Flite is missing (apt install libflite1).") from error
        self._flite.flite_text_to_wave.restype = ctypes.POINTER(_Wave)
        self._flite.flite_text_to_wave.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
        self._flite.delete_wave.restype = None
        self._flite.delete_wave.argtypes = [ctypes.POINTER(_Wave)]
        register = getattr(voices, f"register_cmu_us_{voice}")
        register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
        with _FLITE:
            self._flite.flite_init()
            self._voice = register(None)

    def say(self, text: str) -> F32:
        """Make speech; 0.1 s of one core for each second of it, with the interpreter free meanwhile.

        Args:
            text: English; what is not ASCII is brought as near to it as can be, and no more than 400 characters
                are read.

        Returns:
            (N,) at 48 kHz, one channel, [-1, 1]; empty if there is nothing to say.
        """
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        plain = " ".join("".join(c if c.isprintable() else " " for c in plain).split())[:LONGEST]
        if not any(c.isalnum() for c in plain):
            return np.zeros(0, np.float32)
        with _FLITE:
            wave = self._flite.flite_text_to_wave(plain.encode("ascii"), self._voice)
            if not wave:
                return np.zeros(0, np.float32)
            count, rate = wave.contents.num_samples, wave.contents.sample_rate
            pcm = np.ctypeslib.as_array(wave.contents.samples, (count,)).astype(np.float32) / np.float32(32768)
            self._flite.delete_wave(wave)
        return at_call_level(pcm, rate)


def at_call_level(pcm: F32, rate: int) -> F32:
    """Bring speech (N,) to the loudness and the rate of a call; empty if it is silent."""
    loud = float(np.sqrt(np.mean(np.square(pcm)))) if len(pcm) else 0.0
    if loud == 0.0:
        return np.zeros(0, np.float32)
    # What nobody hears read aloud costs the server neither time nor memory at its start.
    from scipy.signal import resample_poly

    fine: F32 = resample_poly(pcm * (LEVEL / loud), CALL_RATE, rate).clip(-1.0, 1.0).astype(np.float32)
    return fine
