"""Simulated sections."""

import numpy as np
import pytest

from smartcore.datasets import sections, tri_omics


def test_sections_without_batch_effect_are_parts_of_one_simulation():
    from smartcore.datasets._pattern import domain_map

    parts = sections({"a": (12, 9), "b": (6, 10)}, batch_effect=0, seed=3, n_genes=30)
    grid = np.zeros((18, 10), int)
    grid[:12, :9], grid[12:] = domain_map((12, 9)), domain_map((6, 10))
    whole = tri_omics(pattern=grid, seed=3, n_genes=30)
    for name, top in (("a", 0), ("b", 12)):
        part = parts[name]
        col, row = part.obsm["spatial"].T.astype(int)
        at = (row + top) * 10 + col
        assert sorted(row * 100 + col) == sorted(
            r * 100 + c for r, c in np.argwhere(np.ones((12, 9) if name == "a" else (6, 10)))
        )
        for modality, adata in part.mod.items():
            np.testing.assert_array_equal(adata.X.toarray(), whole[modality].X[at].toarray())
            np.testing.assert_array_equal(adata.obsm["spatial"], part.obsm["spatial"])
            assert list(adata.obs_names) == list(part.obs_names)
        assert part.obs["domain"].tolist() == whole.obs["domain"].iloc[at].tolist()
        assert part.obs_names[0] == f"{name}_spot_0_0"
    assert not set(parts["a"].obs_names) & set(parts["b"].obs_names)


def test_batch_effect_is_a_factor_of_each_feature_in_each_section():
    shapes, options = [(30, 30), (30, 30)], {"n_genes": 200, "n_nonspatial": 0, "zero_inflation": 0}
    means = {}
    for effect in (0.0, 0.7):
        parts = sections(shapes, batch_effect=effect, modalities=["rna"], **options)
        means[effect] = np.array([part["rna"].X.mean(axis=0).A1 for part in parts.values()])
    share = means[0.7] / means[0.0]
    # In one of the two sections every feature is caught whole.
    np.testing.assert_allclose(share.max(axis=0), 1)
    ratio = np.log(share[0] / share[1])
    assert np.std(ratio) == pytest.approx(np.sqrt(2) * 0.7, rel=0.15)
    assert abs(np.mean(ratio)) < 0.25


def test_sections_come_from_their_seed():
    first, again, other = (sections([(6, 6), (8, 7)], seed=s) for s in (1, 1, 2))
    for name, part in first.items():
        for modality, adata in part.mod.items():
            same = again[name][modality].X
            assert (same != adata.X).nnz == 0
            assert (adata.X != other[name][modality].X).nnz


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shapes": []}, "shapes is empty"),
        ({"shapes": [(5, 9)]}, "at least 6"),
        ({"batch_effect": -1}, "batch_effect must be finite and at least 0, not -1"),
        ({"pattern": np.ones((6, 6), int)}, "pattern cannot be chosen"),
        ({"modalities": ["dna"]}, "'dna' is unknown"),
    ],
)
def test_sections_say_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        sections(**options)
