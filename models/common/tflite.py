"""The small networks inside the mediapipe wheel, run by LiteRT without importing mediapipe."""

import importlib.util
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter

from models.common.arrays import F32


def mediapipe_model(name: str) -> Path:
    """Return the path of a model file in the installed mediapipe wheel.

    Args:
        name: path below `mediapipe/modules`, e.g. `face_landmark/face_landmark.tflite`.

    Returns:
        The file's path; it exists.

    Raises:
        FileNotFoundError: mediapipe is not installed, or its wheel lacks the file.
    """
    # find_spec reads no code: importing mediapipe takes seconds and starts its own logging and threads.
    spec = importlib.util.find_spec("mediapipe")
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    for folder in folders:
        path = Path(folder) / "modules" / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"the mediapipe package with modules/{name} is not installed")


class TfliteModel:
    """One network with one float32 input, on one thread.

    Not safe to call from two threads at once.

    Args:
        path: a `.tflite` file.
    """

    def __init__(self, path: Path) -> None:
        self._interpreter = Interpreter(str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        details = self._interpreter.get_input_details()[0]
        self._input: int = details["index"]
        self._outputs: list[int] = [d["index"] for d in self._interpreter.get_output_details()]
        self.input_shape: tuple[int, ...] = tuple(int(n) for n in details["shape"])

    def run(self, x: F32) -> list[F32]:
        """Run once.

        Args:
            x: float32 of `input_shape`.

        Returns:
            Copies of the outputs in the file's order.
        """
        self._interpreter.set_tensor(self._input, x)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(i) for i in self._outputs]
