"""Poisson blending: a region of one picture, without a seam in another (Perez et al. 2003)."""

import numpy as np
from scipy import sparse
from scipy.ndimage import binary_dilation
from scipy.sparse.linalg import splu

NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def blend(source: np.ndarray, background: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return the background with the source's content in a region: uint8 [h, w].

    Inside the region the result has the source's Laplacian; it meets the background's values around
    it, and the source's slope across the picture's edge. A region that covers the picture meets no
    background: the source then gets the background's mean. All arrays are [h, w], the pictures
    uint8 and the region bool. Source: Perez et al., SIGGRAPH 2003, equations 4 and 7.
    """
    offset = background.astype(float) - source
    if region.any():
        offset[region] = offset.mean() if region.all() else _membrane(offset, region)
    return np.rint(np.clip(source + offset, 0, 255)).astype(np.uint8)


def misfit(source: np.ndarray, background: np.ndarray, region: np.ndarray) -> float:
    """Return how far the two pictures lie apart around a region: the root mean square, in levels.

    The larger, the more `blend` changes the source's values. It is infinite where a region covers
    the picture.
    """
    around = binary_dilation(region) & ~region
    if not around.any():
        return float("inf")
    return float(np.sqrt(np.square(background[around].astype(float) - source[around]).mean()))


def _membrane(values: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return what is harmonic inside the region and has the values around it: [pixels inside].

    Each pixel is the mean of its neighbours in the picture.
    """
    inside = np.argwhere(region)
    count = len(inside)
    number = np.zeros(region.shape, np.intp)
    number[region] = np.arange(count)
    degree, known, rows, columns = np.zeros(count), np.zeros(count), [], []
    for step in NEIGHBOURS:
        beside = inside + step
        pixel = np.flatnonzero(((beside >= 0) & (beside < region.shape)).all(axis=1))
        place = tuple(beside[pixel].T)
        degree[pixel] += 1
        unknown = region[place]
        known[pixel] += np.where(unknown, 0, values[place])
        rows.append(pixel[unknown])
        columns.append(number[place][unknown])
    row, column = np.concatenate(rows), np.concatenate(columns)
    links = sparse.csc_matrix((np.ones(len(row)), (row, column)), shape=(count, count))
    # The matrix is symmetric and diagonally dominant: no pivots, and the ordering for such ones.
    options = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0}
    laplacian = (sparse.diags(degree) - links).tocsc()
    return splu(laplacian, options={"SymmetricMode": True}, **options).solve(known)
