"""Sections of a tissue with three bands."""

import numpy as np


def tissue(shapes=((12, 10), (9, 8)), seed=0, batch=2.0):
    """Sections of three bands; features, coords, section and band of each spot."""
    rng = np.random.default_rng(seed)
    grids = [np.argwhere(np.ones(shape)).astype(float) for shape in shapes]
    section = np.repeat(np.arange(len(shapes)), [len(g) for g in grids])
    coords = np.concatenate(grids)
    height = np.array([shape[0] for shape in shapes])[section]
    band = (3 * coords[:, 0] // height).astype(int)
    features = {}
    for name, d in (("rna", 8), ("protein", 5)):
        shift = rng.normal(size=(len(shapes), d)) * batch
        features[name] = rng.normal(size=(len(band), d)) + 4 * np.eye(3, d)[band] + shift[section]
    return features, coords, section, band
