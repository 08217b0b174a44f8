"""``smartcore run`` on SpatialData stores, whose results are a store again."""

import json

import mudata
import numpy as np
import pandas as pd
import pytest

from helpers import spatialdata as make
from helpers.cli import QUICK, assert_fails, run

pytestmark = [pytest.mark.spatialdata, pytest.mark.usefixtures("no_pulling")]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with RNA and protein of 144 cells, of zarr 3; and of zarr 2 beside it."""
    pytest.importorskip("spatialdata")
    from spatialdata._io.format import SpatialDataContainerFormatV01

    folder = tmp_path_factory.mktemp("store")
    make.sample().write(folder / "v3.zarr")
    make.sample().write(folder / "v2.zarr", sdata_formats=SpatialDataContainerFormatV01())
    # As SpatialData before 0.6 called it.
    listed = json.loads((folder / "v2.zarr/.zmetadata").read_text())
    (folder / "v2.zarr/zmetadata").write_text(json.dumps(listed))
    return folder


def read(path):
    import spatialdata

    return spatialdata.read_zarr(path)


@pytest.mark.parametrize("name", ["v2.zarr", "v3.zarr"])
def test_the_result_is_a_copy_with_domains(store, tmp_path, capsys, name):
    source, out = store / name, tmp_path / "out.zarr"
    before = make.hashes(source)
    assert run(source, "-k", 3, "-o", out, "--truth", "truth", *QUICK) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out)
    assert make.hashes(source) == before
    assert run(source, "-k", 3, "-o", tmp_path / "expected.h5mu", *QUICK) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        *("out.zarr", "out_domains.csv", "out_scores.csv"),
        *("expected.h5mu", "expected_domains.csv"),
    }
    expected = mudata.read_h5mu(tmp_path / "expected.h5mu")
    table, old = read(out)["table"], read(source)["table"]
    assert table.obs_names.equals(old.obs_names)
    rows = expected.obs_names.get_indexer(table.obs_names)
    assert table.obs["smart"].tolist() == expected.obs["smart"].iloc[rows].tolist()
    np.testing.assert_array_equal(table.obsm["X_smart"], expected.obsm["X_smart"][rows])
    assert (table.X != old.X).nnz == 0
    pd.testing.assert_frame_equal(table.obs[old.obs.columns], old.obs)
    written = make.hashes(out)
    changed = {path for path, value in before.items() if written[path] != value}
    lists = {"zarr.json", ".zmetadata", "zmetadata", "tables/table/obs/zarr.json"}
    assert changed <= lists | {"tables/table/obs/.zattrs"}
    domains = pd.read_csv(tmp_path / "out_domains.csv", index_col=0)
    assert (
        domains.loc[table.obs_names, "domain"].astype(str).tolist() == table.obs["smart"].tolist()
    )


def test_lists_of_arrays_are_complete(store, tmp_path):
    for name, lists in (("v2.zarr", (".zmetadata", "zmetadata")), ("v3.zarr", ("zarr.json",))):
        out = tmp_path / name
        assert run(store / name, "-k", 3, "-o", out, *QUICK) == 0
        for one in lists:
            content = json.loads((out / one).read_text())
            known = set(content.get("consolidated_metadata", content)["metadata"])
            arrays = {p for p in known if p.startswith("tables/table/obsm/X_smart")}
            assert arrays, (name, one)


def test_several_regions_are_sections(store, tmp_path, caplog):
    import spatialdata as sd

    names = [f"d{i}" for i in range(144)]
    one, other = make.sample(seed=1), make.sample(seed=2, region="others", names=names)
    joint = sd.concatenate([one, other], concatenate_tables=True)
    joint["table"].var = one["table"].var  # which the library drops
    joint.write(tmp_path / "two.zarr")
    out = tmp_path / "out.zarr"
    with caplog.at_level("INFO", "smartcore"):
        assert run(tmp_path / "two.zarr", "-k", 3, "-o", out, *QUICK[:-1]) == 0
    result = read(out)["table"]
    assert result.uns["smart"]["sections"].tolist() == ["cells", "others"]
    assert result.obs["smart"].notna().all()


def test_outputs_that_would_harm(store, tmp_path, capsys):
    source = store / "v3.zarr"
    before = make.hashes(source)
    for target in (source, source / "tables/out.zarr", store / "v3.zarr/x.zarr"):
        args = ["run", source, "-k", 3, "-o", target, "--force", *QUICK]
        assert_fails(capsys, args, "would be written over the input", code=2, folder=store)
    inside = source / "tables/table"
    args = ["run", "--rna", inside, "-k", 3, "-o", tmp_path / "o.zarr", *QUICK]
    assert_fails(capsys, args, "INPUT, which must be one SpatialData store", code=2)
    args = ["run", source, "-k", 3, "-o", tmp_path / "o.txt", *QUICK]
    assert_fails(capsys, args, "must end in .h5mu", code=2)
    mine = tmp_path / "mine.zarr"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    args = ["run", source, "-k", 3, "-o", mine, "--force", *QUICK]
    assert_fails(capsys, args, "a folder that is no store", folder=tmp_path)
    assert (mine / "thesis.txt").read_text() == "mine"
    table = tmp_path / "o.zarr" / "c.csv"
    table.parent.mkdir()
    table.write_text("cell,x,y\n")
    args = ["run", source, "-k", 3, "-o", table.parent, "--coords", table, "--force", *QUICK]
    assert_fails(capsys, args, "would be written over the input", code=2)
    assert make.hashes(source) == before


def test_an_old_result_is_replaced_as_a_whole(store, tmp_path, capsys):
    out = tmp_path / "out.zarr"
    assert run(store / "v3.zarr", "-k", 3, "-o", out, *QUICK) == 0
    (out / "stale").write_text("")
    args = ["run", store / "v3.zarr", "-k", 2, "-o", out, *QUICK]
    assert_fails(capsys, args, "exist already; --force", folder=tmp_path)
    assert run(*args[1:], "--force") == 0
    assert not (out / "stale").exists()
    assert read(out)["table"].obs["smart"].nunique() == 2
    assert {path.name for path in tmp_path.iterdir()} == {"out.zarr", "out_domains.csv"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("stage", ["embedding", "domains"])
def test_an_interrupt_leaves_no_half_written_store(store, tmp_path, monkeypatch, error, stage):
    from smartcore.io import _spatialdata_results as results

    calls, whole = [], results.write_elem

    def fails(group, name, value):
        calls.append(name)
        place = {"embedding": "obsm", "domains": "obs"}[stage]
        if group.basename == place and name in ("X_smart", "smart"):
            raise error("stop")
        whole(group, name, value)

    monkeypatch.setattr(results, "write_elem", fails)
    out = tmp_path / "out.zarr"
    code = run(store / "v3.zarr", "-k", 3, "-o", out, *QUICK)
    assert code == (130 if error is KeyboardInterrupt else 1)
    assert calls
    if stage == "embedding":
        assert list(tmp_path.iterdir()) == []
    else:
        assert [path.name for path in tmp_path.iterdir()] == ["out.zarr"]
        table = read(out)["table"]
        assert np.isfinite(table.obsm["X_smart"]).all()
        assert "smart" not in table.obs


def test_options_of_stores(store, tmp_path, section, capsys):
    out = tmp_path / "o.h5mu"
    args = ["run", store / "v3.zarr", "-k", 3, "-o", out, *QUICK]
    assert_fails(capsys, [*args, "--table", "x"], "no table 'x'; there are: 'table'")
    assert_fails(capsys, [*args, "--coordinate-system", "um"], "'um' is no coordinate system")
    assert_fails(capsys, [*args, "--backed"], "--backed reads .h5ad files", code=2)
    args = ["run", section / "all.h5mu", "-k", 3, "-o", out, "--table", "x", *QUICK]
    assert_fails(capsys, args, "--table is for SpatialData stores, and INPUT is none", code=2)
    args = ["run", section / "all.h5mu", "-k", 3, "-o", tmp_path / "o.zarr", *QUICK]
    assert_fails(capsys, args, "INPUT, which must be one SpatialData store", code=2)


def test_a_real_store(shared_data, tmp_path, capsys):
    source, out = shared_data / "formats/spatialdata_blobs.zarr", tmp_path / "o.zarr"
    before = make.hashes(source)
    args = ["run", source, "-k", 2, "-o", out, *QUICK]
    assert_fails(capsys, args, "not clear from its name .* --kind table=rna", folder=tmp_path)
    more = ["--kind", "table=rna", "--min-spots", 1, "--not-counts"]
    assert_fails(capsys, [*args, *more], "10 spots are too few to embed", folder=tmp_path)
    assert make.hashes(source) == before
