"""Real cells on a layout, against the composition that is promised and sums by loops."""

from __future__ import annotations

import logging
import warnings

import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData, read_h5ad
from scipy import sparse, stats

from smartcore.datasets import cells_on_layout

TYPES = {"T": 40, "B": 25, "NK": 25, "mono": 10}
"""Cells of each type: main types are T, B, NK (by name), mono."""

DOMAINS = ["L1", "L10", "L2/3"]
MAIN = ["T", "B", "NK"]


def cells_of(types=TYPES, **others):
    """RNA that names the cell: a count of 1 for the cell's own gene; beside other modalities."""
    labels = np.random.default_rng(0).permutation(np.repeat(list(types), list(types.values())))
    names = [f"cell{i}" for i in range(len(labels))]
    obs = pd.DataFrame({"type": labels}, index=names)
    rna = AnnData(sparse.eye_array(len(names), format="csr", dtype=np.float32), obs=obs)
    rna.var["gene_type"] = labels
    cells = {"rna": rna} | {
        name: AnnData(X, obs=pd.DataFrame(index=names)) for name, X in others.items()
    }
    for name, adata in cells.items():
        adata.var_names = [f"{name} {i}" for i in range(adata.n_vars)]
    return cells


def layout_of(n=3000, seed=0, n_dims=2):
    rng = np.random.default_rng(seed)
    obs = pd.DataFrame({"layer": rng.choice(DOMAINS, n, p=[0.2, 0.3, 0.5])})
    obs.index = [f"AACG-{i}" for i in range(n)]
    return AnnData(obs=obs, obsm={"spatial": rng.normal(size=(n, n_dims))})


def compositions(mdata):
    """Cells of each type in each spot, as the RNA of `cells_of` tells; (n_spots, 4)."""
    one_hot = pd.get_dummies(mdata["rna"].var["gene_type"], dtype=int)[list(TYPES)]
    return mdata["rna"].X.toarray() @ one_hot.to_numpy()


@pytest.mark.parametrize("main_share", [0.0, 0.35, 0.7, 1.0])
@pytest.mark.parametrize("cells_per_spot", [1, 4])
def test_composition(main_share, cells_per_spot):
    mdata = cells_on_layout(
        cells_of(),
        "type",
        layout_of(),
        "layer",
        main_share=main_share,
        cells_per_spot=cells_per_spot,
    )
    found = compositions(mdata)
    assert (found.sum(axis=1) == cells_per_spot).all()
    frequency = np.array(list(TYPES.values())) / 100
    for i, domain in enumerate(DOMAINS):
        share = main_share * (np.arange(4) == i) + (1 - main_share) * frequency
        drawn = found[(mdata.obs["domain"] == domain).to_numpy()]
        total = drawn.sum(axis=0)
        if main_share == 1:
            assert (total == drawn.sum() * share).all()
        else:
            assert stats.chisquare(total, drawn.sum() * share).pvalue > 1e-4
        # Each cell is drawn by itself: the main type's numbers are binomial.
        if 0 < main_share < 1 and cells_per_spot > 1:
            counts = np.bincount(drawn[:, i].astype(int), minlength=cells_per_spot + 1)
            expected = stats.binom(cells_per_spot, share[i]).pmf(range(cells_per_spot + 1))
            assert stats.chisquare(counts, counts.sum() * expected).pvalue > 1e-4


def test_cells_of_a_type_are_drawn_alike():
    mdata = cells_on_layout(cells_of(), "type", layout_of(9000), "layer", main_share=0.5)
    drawn = mdata["rna"].X.toarray().sum(axis=0)
    for name, n in TYPES.items():
        own = drawn[(mdata["rna"].var["gene_type"] == name).to_numpy()]
        assert len(own) == n
        assert stats.chisquare(own).pvalue > 1e-4


@pytest.mark.parametrize("cells_per_spot", [1, 5])
def test_counts_are_sums_of_those_of_the_cells(cells_per_spot):
    rng = np.random.default_rng(1)
    peaks = rng.poisson(0.3, (100, 60))
    proteins = rng.poisson(2000, (100, 7))
    cells = cells_of(
        chromatin=sparse.csc_matrix(peaks.astype(np.int32)), protein=proteins.astype(np.uint16)
    )
    # In an order of its own.
    cells["protein"] = cells["protein"][rng.permutation(100)].copy()
    mdata = cells_on_layout(
        cells, "type", layout_of(200), "layer", cells_per_spot=cells_per_spot, seed=3
    )
    assert list(mdata.mod) == ["rna", "chromatin", "protein"]
    drawn = mdata["rna"].X.toarray().astype(int)
    assert (drawn.sum(axis=1) == cells_per_spot).all()
    for name, counts in (("chromatin", peaks), ("protein", proteins)):
        X = mdata[name].X
        assert sparse.issparse(X)
        assert (X.format, X.dtype) == ("csr", np.float32)
        assert X.has_canonical_format
        assert (X.data > 0).all()
        expected = [sum(n * counts[cell] for cell, n in enumerate(row) if n) for row in drawn]
        np.testing.assert_array_equal(X.toarray(), expected)
    # With replacement: the same cell may come twice into a spot.
    assert drawn.max() == 1 if cells_per_spot == 1 else drawn.max() > 1


def test_spots_are_those_of_the_layout():
    layout = layout_of(50, n_dims=3)
    rna = cells_of()["rna"]
    rna.var["symbol"] = [f"G{i}" for i in range(100)]
    mdata = cells_on_layout({"rna": rna}, "type", layout, "layer")
    for part in (mdata, mdata["rna"]):
        assert part.obs_names.tolist() == [f"spot_{i}" for i in range(50)]
        assert part.obs["domain"].tolist() == layout.obs["layer"].tolist()
        assert part.obs["domain"].cat.categories.tolist() == DOMAINS
        np.testing.assert_array_equal(part.obsm["spatial"], layout.obsm["spatial"])
        assert list(part.obs) == ["domain"]
    pd.testing.assert_frame_equal(mdata["rna"].var, rna.var)


def test_what_was_done_is_told():
    layout = layout_of(50)
    mdata = cells_on_layout(
        cells_of(), "type", layout, "layer", main_share=0.4, cells_per_spot=2, seed=9
    )
    told = mdata.uns["cells_on_layout"]
    table = told.pop("main_types")
    assert told == {
        "cell_types": "type",
        "domains": "layer",
        "main_share": 0.4,
        "cells_per_spot": 2,
        "spatial_key": "spatial",
        "seed": 9,
        "n_cells": 100,
    }
    assert table.index.tolist() == DOMAINS
    assert table["main_type"].tolist() == MAIN
    assert table["n_cells"].tolist() == [40, 25, 25]
    assert table["n_spots"].tolist() == [(layout.obs["layer"] == d).sum() for d in DOMAINS]


def test_survives_writing(tmp_path):
    mdata = cells_on_layout(cells_of(), "type", layout_of(30), "layer")
    mdata.write(tmp_path / "set.h5mu")
    with mudata.set_options(pull_on_update=False):
        back = mudata.read(tmp_path / "set.h5mu")
    np.testing.assert_array_equal(back["rna"].X.toarray(), mdata["rna"].X.toarray())
    assert back.obs["domain"].tolist() == mdata.obs["domain"].tolist()
    table = back.uns["cells_on_layout"]["main_types"]
    assert table["main_type"].to_dict() == dict(zip(DOMAINS, MAIN, strict=True))


def test_types_serve_again_where_domains_are_more():
    layout = with_obs(layout_of(600), layer=[f"L{i % 6}" for i in range(600)])
    with pytest.warns(UserWarning, match="'layer' has 6 domains, but 'type' has only 4 types"):
        mdata = cells_on_layout({"rna": RNA}, "type", layout, "layer", main_share=1.0)
    main = mdata.uns["cells_on_layout"]["main_types"]["main_type"]
    assert main.tolist() == [*main[:4], *main[:2]]
    assert main[:4].nunique() == 4


def test_seed():
    def drawn(seed):
        mdata = cells_on_layout(cells_of(), "type", layout_of(100), "layer", seed=seed)
        return mdata["rna"].X.toarray()

    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    np.testing.assert_array_equal(drawn(1), drawn(1))
    assert (drawn(1) != drawn(2)).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_three_modalities_draw_the_same_cells_as_one():
    more = cells_of(a=np.eye(100), b=2 * np.eye(100))
    one = cells_on_layout({"rna": more["rna"]}, "type", layout_of(60), "layer")
    three = cells_on_layout(more, "type", layout_of(60), "layer")
    drawn = one["rna"].X.toarray()
    for name, factor in (("rna", 1), ("a", 1), ("b", 2)):
        np.testing.assert_array_equal(three[name].X.toarray(), factor * drawn)


@pytest.mark.parametrize("where", ["first modality", "second modality", "joint", "unused"])
def test_types_are_found_in_any_obs(where):
    cells = cells_of(protein=np.ones((100, 3)))
    expected = cells_on_layout(cells, "type", layout_of(60), "layer")
    types = cells["rna"].obs["type"].astype("category")
    with mudata.set_options(pull_on_update=False):
        given = mudata.MuData({name: adata.copy() for name, adata in cells.items()})
    if where != "first modality":
        del given["rna"].obs["type"]
    if where == "second modality":
        given["protein"].obs["type"] = types
    if where == "joint":
        given.obs["type"] = types
    if where == "unused":
        given.obs["type"] = types.cat.add_categories(["dendritic"])
    found = cells_on_layout(given, "type", layout_of(60), "layer")
    for name in cells:
        np.testing.assert_array_equal(found[name].X.toarray(), expected[name].X.toarray())


def test_cells_and_spots_that_are_left_out(caplog):
    cells = cells_of(protein=np.eye(100))
    cells["protein"] = cells["protein"][5:].copy()
    types = cells["rna"].obs["type"].astype(object)
    types.iloc[10:20] = None
    cells["rna"].obs["type"] = types
    layout = layout_of(400)
    layout.obs["layer"] = layout.obs["layer"].where(np.arange(400) >= 30).astype("category")
    layout.obsm["spatial"][:30] = np.nan
    with caplog.at_level(logging.INFO, logger="smartcore"):
        mdata = cells_on_layout(cells, "type", layout, "layer", cells_per_spot=5)
    drawn = mdata["rna"].X.toarray().sum(axis=0)
    left_out = np.r_[:5, 10:20]
    assert drawn[left_out].sum() == 0
    assert (np.delete(drawn, left_out) > 0).all()
    assert mdata.uns["cells_on_layout"]["n_cells"] == 85
    assert mdata.n_obs == 370
    np.testing.assert_array_equal(mdata.obsm["spatial"], layout.obsm["spatial"][30:])
    assert mdata.obs["domain"].tolist() == layout.obs["layer"].tolist()[30:]
    assert mdata.obs_names[0] == "spot_0"
    for message in (
        "5 of 100 cells are not in all modalities",
        "10 of 95 cells have no type in 'type'",
        "30 of 400 spots have no domain in 'layer'",
    ):
        assert message in caplog.text


def test_counts_on_disk(tmp_path):
    cells = cells_of(protein=np.arange(300).reshape(100, 3))
    expected = cells_on_layout(cells, "type", layout_of(60), "layer")
    for name, adata in cells.items():
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
    backed = {name: read_h5ad(tmp_path / f"{name}.h5ad", backed="r") for name in cells}
    found = cells_on_layout(backed, "type", layout_of(60), "layer")
    for name in cells:
        np.testing.assert_array_equal(found[name].X.toarray(), expected[name].X.toarray())
        backed[name].file.close()


def test_input_stays_as_it_was_and_nothing_warns():
    cells, layout = cells_of(protein=np.ones((100, 3))), layout_of(40)
    before = {name: adata.copy() for name, adata in cells.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mdata = cells_on_layout(cells, "type", layout, "layer")
    mdata.obsm["spatial"][:] = 0
    mdata["rna"].var["gene_type"] = ""
    assert (layout.obsm["spatial"] != 0).all()
    for name, adata in before.items():
        assert (cells[name].X != adata.X).sum() == 0
        pd.testing.assert_frame_equal(cells[name].obs, adata.obs)
        pd.testing.assert_frame_equal(cells[name].var, adata.var)


def renamed(adata, names):
    adata = adata.copy()
    adata.obs_names = names
    return adata


def with_obs(adata, **columns):
    adata = adata.copy()
    for name, values in columns.items():
        adata.obs[name] = values
    return adata


def placed(coords):
    layout = layout_of(30)
    layout.obsm["spatial"] = coords
    return layout


RNA = cells_of()["rna"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"cells": RNA}, TypeError, "MuData or a dict modality → AnnData, not AnnData"),
        ({"cells": {"rna": RNA.X}}, TypeError, "'rna' must be an AnnData, not"),
        ({"cells": {}}, ValueError, "cells holds no modality"),
        ({"cells": {"rna": renamed(RNA, ["x"] * 100)}}, ValueError, r"one name \(such as 'x'\)"),
        (
            {"cells": {"rna": RNA, "b": renamed(RNA, [f"c{i}" for i in range(100)])}},
            ValueError,
            r"no cell in common; their names are such as .*'cell0'.*'b': \['c0', 'c1'\]",
        ),
        ({"cells": {"rna": with_obs(RNA, type=None)}}, ValueError, "none of 100 cells has a type"),
        ({"cell_types": "kind"}, KeyError, r"No obs\['kind'\] for the types.*\['type'\]"),
        (
            {"cells": {"rna": AnnData(RNA.X * 0.5, obs=RNA.obs)}},
            ValueError,
            r"'rna' has values that are no counts \(such as 0.5\)",
        ),
        ({"cells": {"rna": AnnData(RNA.X * -1, obs=RNA.obs)}}, ValueError, r"such as -1\)"),
        (
            {"cells": {"rna": AnnData(np.full((100, 2), np.nan), obs=RNA.obs)}},
            ValueError,
            r"such as nan\)",
        ),
        ({"cells": {"rna": AnnData(obs=RNA.obs)}}, ValueError, "'rna' has no X"),
        ({"domains": "region"}, KeyError, r"No obs\['region'\] for the domains.*\['layer'\]"),
        ({"spatial_key": "xy"}, KeyError, r"No obsm\['xy'\] for the coordinates.*\['spatial'\]"),
        ({"layout": with_obs(layout_of(30), layer=None)}, ValueError, "none of 30 spots"),
        ({"layout": placed(np.full((30, 2), np.inf))}, ValueError, "of 30 spots .* NaN or infin"),
        ({"layout": placed(np.ones((30, 4)))}, ValueError, r"2 or 3 columns, not shape \(30, 4\)"),
        ({"layout": placed(np.full((30, 2), "a"))}, ValueError, "must be numeric"),
        ({"main_share": 1.1}, ValueError, "main_share must be from 0 to 1, not 1.1"),
        ({"main_share": -0.1}, ValueError, "main_share must be from 0 to 1"),
        ({"main_share": np.nan}, ValueError, "main_share must be from 0 to 1"),
        ({"cells_per_spot": 0}, ValueError, "cells_per_spot must be a whole number from 1 up"),
        ({"cells_per_spot": 1.5}, ValueError, "cells_per_spot must be a whole number"),
    ],
)
def test_what_cannot_be_laid_out(change, error, message):
    arguments = {
        "cells": {"rna": RNA},
        "cell_types": "type",
        "layout": layout_of(30),
        "domains": "layer",
    }
    with pytest.raises(error, match=message):
        cells_on_layout(**(arguments | change))


def test_real_cells_on_a_real_section(shared_data):
    cells = {
        name: read_h5ad(shared_data / "paired_cells" / f"snareseq_cortex_{name}.h5ad")
        for name in ("rna", "chromatin")
    }
    types = cells["rna"].obs["cluster (remapped)"]
    cells["rna"].obs["kind"] = types.where(types != "Mis")
    layout = read_h5ad(shared_data / "real_tissue" / "starmap_visual_cortex.h5ad")
    mdata = cells_on_layout(cells, "kind", layout, "Layer")
    table = mdata.uns["cells_on_layout"]["main_types"]
    assert table["main_type"].tolist() == ["L2/3", "L4/5", "L6", "Astro", "Oligo", "Pvalb", "Sst"]
    for name, adata in cells.items():
        assert mdata[name].shape == (layout.n_obs, adata.n_vars)
        # Each spot is one cell as it was measured.
        total = np.asarray(adata.X.sum(axis=1)).ravel()
        assert np.isin(np.asarray(mdata[name].X.sum(axis=1)).ravel(), total).all()
