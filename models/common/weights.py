"""Weights and the sessions that run them: the project's own files, and files inside installed packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import onnxruntime

from models.common.eight_bits import unpack

if TYPE_CHECKING:
    from torch import Tensor, nn

FOLDER = Path(__file__).parents[1] / "weights"
"""Where the shipped weights lie, a card beside each."""

Net = TypeVar("Net", bound="nn.Module")


def tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a safetensors file as float32; those that are stored in eight bits, unpacked.

    Args:
        path: of the file.

    Raises:
        FileNotFoundError: it is not there.
    """
    # Torch takes seconds to import; processes that only run graphs do without.
    from safetensors.torch import load_file

    return unpack(load_file(path))


def filled(net: Net, path: Path) -> Net:
    """Fill a network with stored weights; it is in evaluation mode and needs no gradients afterwards.

    Args:
        net: of the kind that was stored.
        path: of the safetensors file.

    Returns:
        The same network.

    Raises:
        FileNotFoundError: the weights are not there.
        RuntimeError: they belong to another network.
    """
    net.load_state_dict(tensors(path))
    return net.eval().requires_grad_(False)


def packaged(package: str, *parts: str) -> Path:
    """Find a file inside an installed package without importing it: that would run code of which nothing is needed.

    Args:
        package: name to import it by.
        *parts: of the path below the package's folder.

    Returns:
        The file's path; it exists.

    Raises:
        FileNotFoundError: the package is not installed, or lacks the file.
    """
    spec = find_spec(package)
    for folder in list(spec.submodule_search_locations or []) if spec is not None else []:
        path = Path(folder, *parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"the package {package} with {'/'.join(parts)} is not installed")


def onnx_session(model: Path | bytes, varies: bool = False) -> onnxruntime.InferenceSession:
    """Make an ONNX Runtime session on one CPU thread: with more, a step of 1 ms takes up to 250 on contended cores.

    Args:
        model: a file, or a serialised model.
        varies: whether its input is longer at one time than at another: then no memory is kept, which would be as
            much as the longest has ever taken.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = not varies
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
