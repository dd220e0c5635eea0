"""The shipped separator on whole scenes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from models.common import weights
from models.separation.partner import LAYERS
from models.separation.separator import Separator
from models.train.data.mix import AcousticScene

FFT, HOP, WIN = 512, 160, 400


def spectrum(sound: Tensor) -> Tensor:
    """Transform (B, N) -> (B, 257, 1 + N // 160) complex64, in the phase convention of models/common/stft.py."""
    window = torch.hamming_window(WIN, device=sound.device)
    return torch.stft(sound, FFT, HOP, WIN, window, center=True, return_complex=True)


def waveform(X: Tensor, length: int) -> Tensor:
    """Undo `spectrum`."""
    window = torch.hamming_window(WIN, device=X.device)
    return torch.istft(X, FFT, HOP, WIN, window, center=True, length=length)


def load(path: Path) -> Separator:
    """Load the separator with weights from a file.

    Where the file has no layers by which faces know of each other, those are as before training.
    """
    net = Separator()
    untrained = {name: value for name, value in net.state_dict().items() if name.startswith(LAYERS)}
    net.load_state_dict(untrained | weights.tensors(path))
    return net.eval()


def separate(net: Separator, scene: AcousticScene) -> Tensor:
    """Return the spectrum of the wanted voice."""
    lips, seen = _last_repeated(scene.lips), _last_repeated(scene.visible)
    other, other_seen = _last_repeated(scene.other), _last_repeated(scene.other_visible)
    voice = net.voice(scene.print * scene.known, scene.other_print * scene.other_known)
    return torch.as_tensor(net(spectrum(scene.mix), lips, seen, other, other_seen, voice, scene.beside))


def _last_repeated(x: Tensor) -> Tensor:
    """Add one more video frame, since the centred spectrum has one frame more than the crop."""
    return torch.cat([x, x[:, -1:]], dim=1)
