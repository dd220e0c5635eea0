"""The separator as the engine uses it: numbered rows of numpy arrays in, voices out, every 20 ms."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from models.common import streaming, weights
from models.common.arrays import F32, I64, Bools, Numbers
from models.common.audio import SAMPLE_RATE
from models.common.stft import STFT, InverseSTFT
from models.separation.lip_encoder import LIPS, LipCore
from models.separation.onnx_run import OnnxRun
from models.separation.onnx_step import OnnxCore, OnnxLips
from models.separation.partner import places_of, rows_at
from models.separation.separator import Core, Separator
from models.voiceprint.encoder import PRINT, load_voice_encoder

WEIGHTS = weights.FOLDER / "separate.safetensors"
BLOCK = 320

Backend = Literal["onnx8", "onnx", "torch"]


def load_separator(path: Path = WEIGHTS) -> Separator:
    """Load the separator with its shipped weights; errors as `weights.filled`."""
    return weights.filled(Separator(), path)


class SeparatorRuntime:
    """Separates any number of (session, face) rows, a block of 20 ms at a time.

    A row is a number the caller picks; behind it is its whole memory (spectrum, mixture level, layers, lips).
    Rows grow on demand. The process that uses this should hold torch to one thread
    (`torch.set_num_threads(1)`). One thread at a time, except that `voice_print` may run beside the rest.

    Args:
        device: "cpu", or a CUDA device.
        rows: rows to make room for at first (about 1.6 MB each).
        backend: What runs the layers. "onnx8" (large ones in 8 bits) and "onnx" run on the CPU only; the voice lies
            35 dB or more above what 8 bits change. Chosen by the device if not given.
        weights: path of the weights.
        net: The network itself, to be used instead; it becomes the runtime's own.

    Raises:
        ValueError: for the onnx backends on another device than the CPU.
    """

    DELAY = 240
    """Samples by which the output lags the input (15 ms)."""

    def __init__(
        self,
        device: str = "cpu",
        rows: int = 16,
        backend: Backend | None = None,
        weights: Path = WEIGHTS,
        net: Separator | None = None,
    ) -> None:
        self.backend: Backend = backend or ("onnx8" if device == "cpu" else "torch")
        onnx = self.backend != "torch"
        if onnx and device != "cpu":
            raise ValueError(f"the onnx backends run on the CPU only, not on {device}")
        self.device = device
        net = load_separator(weights) if net is None else net
        self._core: Core | None = OnnxCore(net, self.backend == "onnx8") if onnx else None
        self._lip_core: LipCore | None = OnnxLips(net.lips) if onnx else None
        self._run: OnnxRun | None = None
        self._net = net.to(device)
        self._voice = load_voice_encoder().to(device)
        self._stft, self._inverse = STFT().to(device), InverseSTFT().to(device)
        with torch.inference_mode():
            self._absent = net.lips.absent()
            self._lips = net.lips.init_state(rows, device)
            self._state = net.init_state(rows, device)
            self._analysis = self._stft.init_state(rows, device)
            self._synthesis = self._inverse.init_state(rows, device)
        self._blank = np.zeros(rows, np.int64)
        self._told: tuple[Tensor, Tensor, Tensor] | None = None

    @property
    def rows(self) -> int:
        """Rows there is room for now."""
        return streaming.batch_of(self._state)

    @torch.inference_mode()
    def lips(self, rows: I64, lips: F32, visible: Bools) -> None:
        """Take in one video frame's lips; called once per 40 ms for each face row.

        The lips count from the next block on, until the next call. Best is the mouth as captured about 40 ms
        before that block begins.

        Args:
            rows: (K,) row numbers, each at most once.
            lips: (K, 4) lip numbers in eye-distance units (see `lip_encoder`).
            visible: (K,) bool; where false (or lips are not finite) they are ignored, and the row
                knows it has none just now.

        Raises:
            ValueError: if the shapes do not agree or a row is given twice.
        """
        self._index(rows)
        _expect("lips", lips, (len(rows), LIPS))
        _expect("visible", visible, (len(rows),))
        if len(rows) == 0:
            return
        # One number that is not finite would stay in the running mean for good.
        usable = np.asarray(visible, bool) & np.isfinite(lips).all(axis=1)
        self._blank[rows] = np.where(usable, 0, self._blank[rows] + 1)
        # Who was not seen for as long as the encoder remembers stands where another blank frame would leave it.
        moved = self._blank[rows] <= self._net.lips.memory
        if not moved.any():
            return
        seen = torch.from_numpy(usable[moved]).to(self.device)
        self._net.lips.step(self._tensor(lips[moved]), seen, self._lips, self._index(rows[moved]), self._lip_core)

    @torch.inference_mode()
    def step(self, rows: I64, mix: F32, other: I64, voice: F32) -> F32:
        """Separate one block of 20 ms for each given row.

        Args:
            rows: (R,) row numbers, each at most once.
            mix: (R, 320) mixture at 16 kHz, [-1, 1]; what is not finite counts as 0.
            other: (R,) row of another face in the same picture whose lips to use as well, or -1; if it is one of
                `rows`, its voice print too, and what it takes for its own. Lips or print of it must be known.
            voice: (R, 256) voice prints of the wanted faces, zeros where unknown.

        Returns:
            (R, 320) the faces' voices, `DELAY` samples late.

        Raises:
            ValueError: if the shapes do not agree or a row is given twice.
        """
        count = len(rows)
        _expect("mix", mix, (count, BLOCK))
        _expect("other", other, (count,))
        _expect("voice", voice, (count, PRINT))
        index = self._index(rows)
        if count == 0:
            return np.zeros((0, BLOCK), np.float32)
        self._make_room(int(np.max(other)) + 1)
        others = self._whole(other)
        finite = torch.nan_to_num(self._tensor(mix), nan=0.0, posinf=0.0, neginf=0.0)
        X, analysis = self._stft.step(finite, streaming.take_rows(self._analysis, index))
        streaming.put_rows(self._analysis, index, analysis)
        cues = self._net.cues(self._lips, index, others, self._absent)
        beside = places_of(others, index)
        voice_cue = self._voice_cue(self._tensor(voice), beside)
        Y = self._net.step_rows(X, cues, voice_cue, self._state, index, beside, self._core)
        y, synthesis = self._inverse.step(Y, streaming.take_rows(self._synthesis, index))
        streaming.put_rows(self._synthesis, index, synthesis)
        result: F32 = y.cpu().numpy()
        return result

    @torch.inference_mode()
    def cues(self, rows: I64, other: I64) -> Tensor:
        """Return what lips tell of these rows (R,) now, with those of other faces, see `step`: (R, 192)."""
        index = self._index(rows)
        self._make_room(int(np.max(other, initial=-1)) + 1)
        return self._net.cues(self._lips, index, self._whole(other), self._absent)

    @torch.inference_mode()
    def run(self, rows: I64, mix: F32, cues: Sequence[Tensor], other: I64, voice: F32) -> F32:
        """Separate several blocks, one after the other but in one go: as that many calls of `step`, but for rounding.

        Of two rows a block takes 1.7 ms of a core where there are 25, and 6.2 ms by itself.

        Args:
            rows: See `step`.
            mix: (R, N * 320).
            cues: N of `cues`, each as it was when its block was due.
            other: See `step`.
            voice: Likewise.

        Returns:
            (R, N * 320), `DELAY` samples late.

        Raises:
            ValueError: as `step`.
        """
        count = len(rows)
        _expect("mix", mix, (count, BLOCK * len(cues)))
        _expect("other", other, (count,))
        _expect("voice", voice, (count, PRINT))
        index, others = self._index(rows), self._whole(other)
        if count == 0:
            return np.zeros((0, BLOCK * len(cues)), np.float32)
        finite = torch.nan_to_num(self._tensor(mix), nan=0.0, posinf=0.0, neginf=0.0)
        X, analysis = self._stft.step(finite, streaming.take_rows(self._analysis, index))
        streaming.put_rows(self._analysis, index, analysis)
        beside = places_of(others, index)
        voice_cue = self._voice_cue(self._tensor(voice), beside)
        lips = torch.stack(list(cues), dim=1)
        if self.backend == "torch":
            parts = zip(X.chunk(len(cues), dim=2), lips.unbind(1), strict=True)
            Y = torch.cat(
                [self._net.step_rows(x, seen, voice_cue, self._state, index, beside) for x, seen in parts], dim=2
            )
        else:
            self._run = self._run or OnnxRun(self._net)
            Y = self._net.run_rows(X, lips, voice_cue, self._state, index, beside, self._run)
        y, synthesis = self._inverse.step(Y, streaming.take_rows(self._synthesis, index))
        streaming.put_rows(self._synthesis, index, synthesis)
        result: F32 = y.cpu().numpy()
        return result

    @torch.inference_mode()
    def reset(self, rows: I64) -> None:
        """Forget everything about these rows (K,), as if they had never been used."""
        index = self._index(rows)
        for state in (self._lips, self._state, self._analysis, self._synthesis):
            streaming.reset_rows(state, index)
        self._blank[rows] = 0

    @torch.inference_mode()
    def voice_print(self, pcm: F32) -> F32:
        """Say how the person in this recording sounds.

        Args:
            pcm: (N,) speech of that person alone at 16 kHz, any level, at least a second; 2-5 s are best.

        Returns:
            (256,) of length 8.

        Raises:
            ValueError: if it is shorter than a second.
        """
        if pcm.ndim != 1 or len(pcm) < SAMPLE_RATE:
            raise ValueError(f"a voice print needs {SAMPLE_RATE} samples or more of one channel, not {pcm.shape}")
        result: F32 = self._voice.enrol(self._tensor(pcm)[None])[0].cpu().numpy()
        return result

    def _voice_cue(self, prints: Tensor, beside: Tensor) -> Tensor:
        """Return what the layers are told of the voices; prints stay the same for seconds, so it is kept."""
        told = self._told
        if told is None or not (torch.equal(told[0], prints) and torch.equal(told[1], beside)):
            self._told = told = prints.clone(), beside, self._net.voice(prints, rows_at(prints, beside))
        return told[2]

    def _whole(self, x: I64) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(x, np.int64)).to(self.device)

    def _tensor(self, x: F32) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(x, np.float32)).to(self.device)

    def _index(self, rows: I64) -> Tensor:
        index = np.ascontiguousarray(rows, np.int64)
        if index.ndim != 1 or len(np.unique(index)) != len(index) or (index < 0).any():
            raise ValueError(f"rows must be different whole numbers from 0 up, not {rows!r}")
        if len(index):
            self._make_room(int(index.max()) + 1)
        return torch.from_numpy(index).to(self.device)

    def _make_room(self, rows: int) -> None:
        if rows <= self.rows:
            return
        rows = max(rows, 2 * self.rows)
        self._lips = streaming.grow_rows(self._lips, rows)
        self._state = streaming.grow_rows(self._state, rows)
        self._analysis = streaming.grow_rows(self._analysis, rows)
        self._synthesis = streaming.grow_rows(self._synthesis, rows)
        self._blank = np.pad(self._blank, (0, rows - len(self._blank)))


def _expect(name: str, value: Numbers, shape: tuple[int, ...]) -> None:
    if value.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, not {value.shape}")
