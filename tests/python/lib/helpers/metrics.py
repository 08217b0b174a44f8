"""A lattice of spots."""

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist


def lattice(n_rows, n_cols):
    """Coordinates and the four-neighbour graph of a grid."""
    rows, cols = np.divmod(np.arange(n_rows * n_cols), n_cols)
    coords = np.column_stack([cols, rows]).astype(float)
    return coords, sparse.csr_matrix(np.abs(cdist(coords, coords) - 1) < 1e-9, dtype=float)
