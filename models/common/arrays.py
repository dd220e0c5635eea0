"""Array types by element: the one place where they are named. Shapes, units and ranges stand in docstrings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

F16 = npt.NDArray[np.float16]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I16 = npt.NDArray[np.int16]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Strings = npt.NDArray[np.str_]
Numbers = npt.NDArray[np.generic]
"""Of any element type that is one for a whole array."""
Array = npt.NDArray[Any]
"""Of any element type; not checked."""
