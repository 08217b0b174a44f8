"""Tables of coordinates."""

import mudata
import numpy as np
import pandas as pd
import pytest

from helpers.io import make_outs, small
from smartcore import io

pytestmark = pytest.mark.usefixtures("no_pulling")


@pytest.mark.parametrize(
    "text",
    [
        "spot,x,y\n0012,1,2.5\n07,3,4\n",
        "spot;y;other;X\n0012;2.5;q;1\n07;4;q;3\n",
        "0012\t1\t2.5\n07\t3\t4\n",
        "\ufeffname,column,row\n0012,1,2.5\n07,3,4\n",
    ],
)
def test_read_coordinates(tmp_path, text):
    path = tmp_path / "c.csv"
    path.write_text(text, encoding="utf-8")
    result = io.read_coordinates(path)
    assert list(result.index) == ["0012", "07"]
    assert list(result.columns) == ["x", "y"]
    assert np.array_equal(result.to_numpy(), [[1, 2.5], [3, 4]])


def test_read_coordinates_in_three_dimensions_and_from_space_ranger(tmp_path, counts):
    path = tmp_path / "c.csv"
    path.write_text("spot,x,y,z\na,1,2,3\n")
    assert io.read_coordinates(path).loc["a"].tolist() == [1, 2, 3]
    outs = make_outs(tmp_path / "outs", counts, header=False)
    table = io.read_coordinates(outs / "spatial/tissue_positions_list.csv")
    expected = io.read_modality(outs, "protein")
    assert np.array_equal(table.loc[expected.obs_names], expected.obsm["spatial"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spot,x,y\na,1,\n", "missing or infinite.*'a'"),
        ("spot,x,y\na,1,inf\n", "missing or infinite.*'a'"),
        ("spot,x,y\na,1,2\na,1,3\n", "spot 'a' occurs twice"),
        ("spot,x,y\na,1,north\n", "north"),
        ("spot,x\na,1\n", "no columns of coordinates.*'spot', 'x'"),
        ("", "table of spot name, x, y"),
    ],
)
def test_bad_coordinates(tmp_path, text, message):
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        io.read_coordinates(path)
    assert "c.csv" in str(caught.value)


def test_add_coordinates_matches_by_name(tmp_path):
    adata = small()
    table = pd.DataFrame(
        np.arange(10.0).reshape(5, 2), index=["s4", "s0", "s9", "s2", "s5"], columns=["x", "y"]
    )
    before = adata.obsm["spatial"].copy()
    with pytest.warns(UserWarning, match=r"2 of 6 spots have no row in c\.csv.*'s1'"):
        result = io.add_coordinates(adata, table, source="c.csv")
    assert list(result.obs_names) == ["s0", "s2", "s4", "s5"]
    assert result.obsm["spatial"].tolist() == [[2, 3], [6, 7], [0, 1], [8, 9]]
    assert np.array_equal(adata.obsm["spatial"], before)
    table.index = [f"{name}-1" for name in table.index]
    with pytest.raises(
        ValueError, match=r"none of the 6 spots.*'s0' and 's0-1'.*4 names would match"
    ):
        io.add_coordinates(adata, table)


def test_add_coordinates_to_mudata_replaces_joint_and_own():
    mdata = mudata.MuData({"rna": small(), "protein": small(feature="protein")[1:].copy()})
    mdata.obsm["spatial"] = np.zeros((6, 2))
    table = pd.DataFrame(
        np.arange(8.0).reshape(4, 2), index=["s3", "s2", "s1", "s0"], columns=["x", "y"]
    )
    with pytest.warns(UserWarning, match="2 of 6 spots have no row"):
        result = io.add_coordinates(mdata, table)
    for part in (result, *result.mod.values()):
        assert np.array_equal(part.obsm["spatial"], table.loc[part.obs_names])
    assert list(result["protein"].obs_names) == ["s1", "s2", "s3"]
    assert mdata.obsm["spatial"].sum() == 0
