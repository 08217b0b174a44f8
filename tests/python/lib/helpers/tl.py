"""Objects for tl.smart, and what it should make of them."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import smartcore as sm

QUICK = {"epochs": 3, "latent_dim": 8, "progress": False}
SHAPE = (8, 7)
N = SHAPE[0] * SHAPE[1]
NAMES = np.array([f"spot{i}" for i in range(N)])
COORDS = np.argwhere(np.ones(SHAPE)).astype(float)
WIDTHS = {"rna": 5, "protein": 3, "chromatin": 4}


def modality(name, rows=None, **obsm) -> ad.AnnData:
    """Spots ``rows``, in that order, with components that follow the place."""
    rng = np.random.default_rng(len(name))
    x = np.sin(COORDS @ rng.normal(size=(2, WIDTHS[name]))) + 0.3 * rng.normal(
        size=(N, WIDTHS[name])
    )
    rows = np.arange(N) if rows is None else rows
    adata = ad.AnnData(
        np.ones((len(rows), 4), np.float32),
        obs=pd.DataFrame(index=NAMES[rows]),
        var=pd.DataFrame(index=[f"{name}{i}" for i in range(4)]),
    )
    adata.obsm["X_pca"] = x[rows].astype(np.float32)
    adata.obsm["spatial"] = COORDS[rows]
    for key, value in obsm.items():
        adata.obsm[key] = np.asarray(value)[rows]
    return adata


def joined(**modalities) -> md.MuData:
    with md.set_options(pull_on_update=False):
        return md.MuData(modalities)


def both() -> md.MuData:
    return joined(rna=modality("rna"), protein=modality("protein"))


def by_hand(modalities, names, sections=None, **settings) -> pd.DataFrame:
    """The embedding by integrate, of arrays that pandas aligned to ``names``."""
    frames = {
        m: pd.DataFrame(a.obsm["X_pca"], index=a.obs_names).reindex(names)
        for m, a in modalities.items()
    }
    result = sm.integrate(
        {m: frame.to_numpy() for m, frame in frames.items()},
        pd.DataFrame(COORDS, index=NAMES).loc[names].to_numpy(),
        sections=sections,
        observed={m: frame.notna().all(axis=1).to_numpy() for m, frame in frames.items()},
        **{"epochs": 3, "latent_dim": 8, **settings},
    )
    return pd.DataFrame(result.embedding, index=names)


def embedding(data, key="X_smart") -> pd.DataFrame:
    return pd.DataFrame(data.obsm[key], index=data.obs_names)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found.loc[expected.index], expected, check_exact=True)


def state(data):
    """All that smart could have changed, for comparison."""
    parts = [data, *(data.mod.values() if isinstance(data, md.MuData) else [])]
    return [
        (
            list(part.obs_names),
            list(part.obs.columns),
            {key: np.array(value) for key, value in part.obsm.items()},
            list(part.obsp),
            sorted(part.uns),
        )
        for part in parts
    ]


def unchanged(data, before) -> None:
    for now, old in zip(state(data), before, strict=True):
        assert now[:2] + now[3:] == old[:2] + old[3:]
        assert list(now[2]) == list(old[2])
        for key in old[2]:
            np.testing.assert_array_equal(now[2][key], old[2][key])


def refused(data, error, words, **settings) -> None:
    before = None if isinstance(data, dict) else state(data)
    parts = {m: state(a) for m, a in data.items()} if isinstance(data, dict) else {}
    with pytest.raises(error, match=words):
        sm.tl.smart(data, **{**QUICK, **settings})
    if before is not None:
        unchanged(data, before)
    for m, old in parts.items():
        unchanged(data[m], old)
