"""Words of a stretch of speech: Moonshine tiny (English, MIT, weights inside moonshine-voice) on ONNX Runtime.

The package's own library hides the probabilities and cannot be told what was heard a moment ago; its network files
run as they are. Source: Jeffries et al. 2024, "Moonshine: Speech Recognition for Live Transcription and Voice
Commands".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.common import weights
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.speech.types import Reading

SHORTEST = 1_024
"""Samples below which the encoder's convolutions have nothing to work on."""

TOKENS_A_SECOND = 6.5
"""Most tokens a second of English; beyond that the decoder is running in circles."""

UNKNOWN, BEGIN, END = 0, 1, 2

HEADS, WIDTH = 8, 36
"""Of the decoder's attention."""


class Moonshine:
    """The recogniser, shared by all voices; one CPU thread.

    Args:
        folder: With `encoder_model.ort`, `decoder_model_merged.ort` and `tokenizer.bin`; those inside moonshine-voice
            if None.

    Raises:
        FileNotFoundError: if they are not there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        folder = weights.packaged("moonshine_voice", "assets", "tiny-en") if folder is None else folder
        self._words = _vocabulary((folder / "tokenizer.bin").read_bytes())
        self._encoder = weights.onnx_session(folder / "encoder_model.ort", varies=True)
        self._decoder = weights.onnx_session(folder / "decoder_model_merged.ort", varies=True)
        self._past_names = [i.name for i in self._decoder.get_inputs() if i.name.startswith("past_key_values")]
        self._present_names = [name.replace("past_key_values", "present") for name in self._past_names]

    def read(self, pcm: F32, draft: tuple[int, ...] = ()) -> Reading:
        """Find the words, greedily.

        Args:
            pcm: (N,) speech at 16 kHz, [-1, 1]; up to about 30 s.
            draft: Tokens expected, as of the same speech when it was shorter: checked all at once instead of one by
                one, which makes a partial result two to four times cheaper. The arithmetic is in 8 bits, so that
                where two words are nearly as probable a draft may decide.

        Returns:
            What was read; empty below 64 ms.
        """
        if len(pcm) < SHORTEST:
            return Reading("", 0.0, ())
        feed = {"input_values": pcm[None], "attention_mask": np.ones((1, len(pcm)), np.int64)}
        sound: F32 = self._encoder.run(None, feed)[0]
        most = int(len(pcm) / SAMPLE_RATE * TOKENS_A_SECOND) + 2
        draft = draft[:most]
        logits, past = self._decode(sound, len(pcm), (BEGIN, *draft), None)
        guesses = logits.argmax(axis=-1)
        agreed = 0
        while agreed < len(draft) and guesses[agreed] == draft[agreed]:
            agreed += 1
        tokens = list(draft[:agreed])
        scores = [_log_probability(logits[i], tokens[i]) for i in range(agreed)]
        past = {name: v[:, :, : agreed + 1] if "decoder" in name else v for name, v in past.items()}
        row = logits[agreed]
        while len(tokens) < most:
            token = int(row.argmax())
            scores.append(_log_probability(row, token))
            if token == END:
                break
            tokens.append(token)
            logits, past = self._decode(sound, len(pcm), (token,), past)
            row = logits[0]
        return Reading(self._text(tokens), float(np.mean(scores)), tuple(tokens))

    def _decode(
        self, sound: F32, samples: int, tokens: tuple[int, ...], past: dict[str, F32] | None
    ) -> tuple[F32, dict[str, F32]]:
        """Return logits (T, 32768) after each token, and the attention's memory of all of them."""
        nothing = {
            name: np.zeros((1, HEADS, 0 if "decoder" in name else sound.shape[1], WIDTH), np.float32)
            for name in self._past_names
        }
        feed = {
            "encoder_hidden_states": sound,
            # The network takes every 384th of it, one for each frame of `sound`.
            "encoder_attention_mask": np.ones((1, samples), np.int64),
            "input_ids": np.array([tokens], np.int64),
            "use_cache_branch": np.array([past is not None]),
            **(nothing if past is None else past),
        }
        logits, *present = self._decoder.run(["logits", *self._present_names], feed)
        new = dict(zip(self._past_names, present, strict=True))
        if past is not None:
            # The branch with a memory gives none for the sound: it does not change.
            new |= {name: value for name, value in past.items() if "encoder" in name}
        return logits[0], new

    def _text(self, tokens: list[int]) -> str:
        raw = b"".join(self._words[token] for token in tokens if token > END)
        return " ".join(raw.decode("utf-8", "ignore").replace("▁", " ").replace(",,", ",").split())


def _log_probability(logits: F32, token: int) -> float:
    peak = float(logits.max())
    return float(logits[token]) - peak - float(np.log(np.exp(logits - peak).sum()))


def _vocabulary(raw: bytes) -> list[bytes]:
    """Return pieces in the order of their numbers; each after its length in one byte, or in two from 128 on."""
    pieces, at = [], 0
    while at < len(raw):
        size, at = raw[at], at + 1
        if size >= 128:
            size, at = size - 128 + 128 * raw[at], at + 1
        pieces.append(raw[at : at + size])
        at += size
    return pieces
