"""Types of numpy arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

# for the kernel of the features, which takes lists where it runs interpreted
Numbers = Floats | list[float]
Places = NDArray[np.integer[Any]] | list[int]
Flags = Bools | list[bool]
