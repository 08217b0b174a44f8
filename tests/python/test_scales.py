"""How widely spots are averaged: one choice (``regions``), what is said of it, kept and drawn."""

import re

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import adjusted_rand_score

import smartcore as sm
from smartcore import _bridge, pl
from smartcore.params import PRESETS, Params, resolve_params

pytestmark = pytest.mark.usefixtures("no_pulling")

QUICK = {"epochs": 3, "latent_dim": 8}
UNFILTERED = [name for name, params in PRESETS.items() if params.view == "features"]


@pytest.fixture
def mixed():
    """Two regions, in both of which two kinds of cells lie at random; (features, coords, …)."""
    rng = np.random.default_rng(3)
    xy = np.argwhere(np.ones((24, 24)))
    region, kind = xy[:, 0] // 12, rng.integers(0, 2, len(xy))
    x = rng.normal(size=(len(xy), 8))
    x[:, 0] += 8 * kind
    x[:, 1] += 2 * region
    return {"rna": x}, xy, region, kind


def as_mudata(tissue):
    features, coords, _ = tissue
    names = [f"spot{i}" for i in range(len(coords))]
    return mudata.MuData(
        {
            name: ad.AnnData(
                obs=pd.DataFrame(index=names), obsm={"X_pca": x, "spatial": coords.copy()}
            )
            for name, x in features.items()
        }
    )


# --- the choice -----------------------------------------------------------------------------------


def test_one_finds_regions_and_zero_finds_kinds(mixed):
    features, coords, region, kind = mixed
    found = {}
    for regions in (0, 1):
        z = sm.integrate(features, coords, regions=regions).embedding
        labels = sm.clustering.cluster_embedding(z, 2, method="gmm")
        found[regions] = adjusted_rand_score(region, labels), adjusted_rand_score(kind, labels)
    assert found[1][0] > 0.8
    assert abs(found[1][1]) < 0.1
    assert abs(found[0][0]) < 0.1
    assert found[0][1] > 0.9


def test_the_less_regions_count_the_less_is_averaged(mixed):
    features, coords, *_ = mixed
    reach = [
        sm.integrate(features, coords, regions=regions, **QUICK).directions["reach"].mean()
        for regions in (0.01, 0.3, 0.6, 1)
    ]
    assert reach == sorted(reach)
    assert reach[0] < 0.2 * reach[-1]


@pytest.mark.parametrize("preset", UNFILTERED)
def test_presets_without_filters_have_no_such_choice(tissue, preset):
    message = r"regions=0\.5 is for preset='robust'.*Leave regions out, or use preset='robust'"
    with pytest.raises(ValueError, match=message):
        sm.tl.smart(as_mudata(tissue), preset=preset, regions=0.5)
    assert resolve_params(preset, {"regions": 1.0}) == PRESETS[preset]


@pytest.mark.parametrize("regions", [-0.1, 1.5, "half", True, float("nan"), None])
def test_regions_out_of_range_are_refused(regions):
    with pytest.raises(ValueError, match=f"regions={regions!r} must be a number from 0 to 1"):
        Params(regions=regions)


def test_it_is_an_argument_of_tl_smart(tissue):
    features, coords, _ = tissue
    mdata = as_mudata(tissue)
    sm.tl.smart(mdata, regions=0.4, progress=False, **QUICK)
    assert mdata.uns["smart"]["params"]["regions"] == 0.4
    result = sm.integrate(features, coords, regions=0.4, **QUICK)
    np.testing.assert_array_equal(mdata.obsm["X_smart"], result.embedding)
    pd.testing.assert_frame_equal(mdata.uns["smart"]["scales"], result.scales)
    sm.tl.smart(mdata, progress=False, **QUICK)
    assert mdata.uns["smart"]["params"]["regions"] == 1


# --- what is said and kept ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [{}, {"regions": 0}, {"n_neighbors": 0}, *({"preset": name} for name in UNFILTERED)],
    ids=str,
)
@pytest.mark.parametrize("kind", ["h5mu", "h5ad"])
def test_tables_outlive_a_file(tissue, tmp_path, given, kind):
    data = as_mudata(tissue)
    if kind == "h5ad":
        data = data["protein"]
    sm.tl.smart(data, progress=False, **{**QUICK, **given})
    kept = data.uns["smart"]
    assert kept["scales"].empty == bool(given)
    path = tmp_path / f"out.{kind}"
    getattr(data, f"write_{kind}")(path)
    read = (mudata.read_h5mu if kind == "h5mu" else ad.read_h5ad)(path).uns["smart"]
    for table in ("directions", "scales"):
        pd.testing.assert_frame_equal(
            read[table].reset_index(drop=True), kept[table], check_dtype=not kept[table].empty
        )
        assert list(read[table]) == list(kept[table])
    if not given:
        # Noise cannot be told of so few directions, the rest is known.
        assert read["directions"]["noise"].isna().all()
        assert read["directions"].drop(columns="noise").notna().all(axis=None)


def test_a_line_a_modality_says_how_widely(tissue, caplog):
    features, coords, _ = tissue
    with caplog.at_level("INFO", logger="smartcore"):
        directions = sm.integrate(features, coords, **QUICK).directions
    for name in features:
        own = directions[directions["modality"] == name]
        (line,) = (text for text in caplog.messages if text.startswith(f"{name}: "))
        found = re.search(
            r"(\d+) of (\d+) directions .* radius of about ([\d.]+) neighbour distances\.$", line
        )
        assert int(found[1]) == (own["autocorrelation"] > own["threshold"]).sum()
        assert int(found[2]) == features[name].shape[1]
        assert own["reach"].min() - 0.05 <= float(found[3]) <= own["reach"].max() + 0.05


@pytest.mark.parametrize(
    ("given", "why"), [({"regions": 0}, "regions=0"), ({"n_neighbors": 0}, "none has neighbours")]
)
def test_so_is_it_where_nothing_is_averaged(tissue, caplog, given, why):
    features, coords, _ = tissue
    with caplog.at_level("INFO", logger="smartcore"):
        sm.integrate(features, coords, **QUICK, **given)
    assert f"Spots are not averaged with their surroundings ({why})." in caplog.messages


def test_r_is_given_the_same_tables(tissue):
    features, coords, _ = tissue
    rows = {name: np.arange(len(coords)) for name in features}
    for regions in (1.0, 0.0):
        result = sm.integrate(features, coords, regions=regions, **QUICK)
        found = _bridge.run(features, rows, coords, params={"regions": regions, **QUICK})
        for name in ("directions", "scales"):
            assert isinstance(found[name]["modality"], list)
            table = getattr(result, name)
            pd.testing.assert_frame_equal(
                pd.DataFrame(found[name]), table, check_dtype=not table.empty
            )


# --- the figure -----------------------------------------------------------------------------------

TABLE = pd.DataFrame(
    {
        "modality": ["rna"] * 3 + ["protein"] * 3,
        "reach": [0.0, 1.0, 2.0] * 2,
        "error": [2.0, 0.4, 0.6, 0.5, 0.7, 0.9],
    }
)


def check_drawn(ax):
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert list(lines) == ["rna", "protein"]
    for name, line in lines.items():
        own = TABLE[TABLE["modality"] == name]
        np.testing.assert_array_equal(line.get_xydata(), own[["reach", "error"]])
        (at,) = line.get_markevery()
        assert line.get_ydata()[at] == own["error"].min()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["rna", "protein"]
    assert ax.get_xlim()[0] == ax.get_ylim()[0] == 0
    assert len({line.get_color() for line in lines.values()}) == 2


def test_scales_are_drawn(tissue):
    check_drawn(pl.scales(TABLE))
    check_drawn(pl.scales({name: column.tolist() for name, column in TABLE.items()}))
    mdata = as_mudata(tissue)
    mdata.uns["smart"] = {"scales": TABLE.copy()}
    check_drawn(pl.scales(mdata))
    pd.testing.assert_frame_equal(mdata.uns["smart"]["scales"], TABLE)
    ax = Figure().subplots(1, 2)[1]
    assert pl.scales(TABLE, ax) is ax
    check_drawn(ax)


def test_what_holds_no_scales_is_refused(tissue):
    adata = as_mudata(tissue)["rna"]
    with pytest.raises(KeyError, match="'smart' is not in uns"):
        pl.scales(adata)
    adata.uns["smart"] = {"history": {}}
    with pytest.raises(KeyError, match=r"'scales' is not in uns\['smart'\], which has: history"):
        pl.scales(adata)
    with pytest.raises(KeyError, match="'error' is not in the table of scales"):
        pl.scales(TABLE.drop(columns="error"))
    with pytest.raises(TypeError, match="scales must be a DataFrame, a mapping, AnnData or MuData"):
        pl.scales([1.0])
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes"):
        pl.scales(TABLE, "here")


@pytest.mark.parametrize("given", [{"regions": 0}, {"preset": "robust-0.1"}], ids=str)
def test_a_choice_that_was_not_made_is_not_drawn(tissue, given):
    features, coords, _ = tissue
    result = sm.integrate(features, coords, **{**QUICK, **given})
    with pytest.raises(ValueError, match=r"table of scales is empty.*preset='robust', regions"):
        pl.scales(result.scales)
