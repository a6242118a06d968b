"""Types of numpy arrays."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

# of the kernel of the features, which takes lists where it runs interpreted
Numbers = Floats | list[float]
Places = Ints | list[int]
Flags = Bools | list[bool]
