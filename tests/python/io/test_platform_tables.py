"""Tables of coordinates as platforms and programs write them."""

import bz2
import gzip
import io as stdlib_io
import logging
import lzma
import zipfile

import numpy as np
import pandas as pd
import pytest

from smartcore import io

N = 6
X, Y = 10.0 * np.arange(N), 20.0 * np.arange(N)[::-1]
NAMES = [f"c{i}" for i in range(N)]
FEW = [1, 1, 2, 2, 3, 3]
COUNTS = [50, 900, 40, 300, 20, 7]
# Places on a hexagonal array.
ROW, COLUMN = np.arange(N) // 3, np.arange(N) % 3 * 2 + np.arange(N) // 3 % 2


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns)


TABLES = {
    "space ranger": frame(
        barcode=NAMES,
        in_tissue=1,
        array_row=ROW,
        array_col=COLUMN,
        pxl_row_in_fullres=Y,
        pxl_col_in_fullres=X,
    ),
    "xenium": frame(cell_id=NAMES, x_centroid=X, y_centroid=Y, transcript_counts=COUNTS),
    "xenium, other order": frame(total_counts=COUNTS, cell_id=NAMES, y_centroid=Y, x_centroid=X),
    "merscope": frame(EntityID=NAMES, fov=FEW, volume=COUNTS, center_x=X, center_y=Y, min_x=0),
    "merscope, no name": frame(**{"": NAMES}, fov=FEW, volume=COUNTS, center_x=X, center_y=Y),
    "cosmx": frame(
        cell_id=NAMES,
        fov=FEW,
        Area=COUNTS,
        CenterX_local_px=1,
        CenterY_local_px=2,
        CenterX_global_px=X,
        CenterY_global_px=Y,
    ),
    "slide-seq": frame(barcodes=NAMES, xcoord=X, ycoord=Y),
    "seurat 4": frame(**{"": NAMES}, imagerow=Y, imagecol=X),
    "seurat 5": frame(**{"": range(1, N + 1)}, x=X, y=Y, cell=NAMES),
    "giotto": frame(cell_ID=NAMES, sdimx=X, sdimy=Y),
    "micrometres": frame(id=NAMES, n_counts=COUNTS, x_um=X, y_um=Y),
    "row names before ids": frame(**{"": NAMES}, cell_id=range(N), x=X, y=Y),
    "the first of two": frame(spot=NAMES, cell=FEW, id=range(N), x=X, y=Y),
    "upper case": frame(id=NAMES, X=X, Y=Y, cluster=FEW),
    "of an array": frame(**{"": NAMES}, **{"0": X, "1": Y}),
}


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_those_of_the_platform_and_are_said(tmp_path, caplog, name):
    path = tmp_path / "GSM1_table.csv"
    TABLES[name].to_csv(path, index=False)
    with caplog.at_level(logging.INFO, "smartcore"):
        table = io.read_coordinates(path)
    assert list(table.index) == NAMES
    assert list(table.columns) == ["x", "y"]
    np.testing.assert_array_equal(table.to_numpy(), np.column_stack([X, Y]))
    assert "are the coordinates" in caplog.text


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, bz2.compress, lzma.compress],
    ids=["gzip", "bzip2", "xz"],
)
@pytest.mark.parametrize("separator", ["\t", ";", ",", "|", " "])
def test_however_packed_and_separated(tmp_path, pack, separator):
    table = TABLES["xenium"].assign(cell_id=[f"a {i},{i};" for i in range(N)])
    text = table.to_csv(index=False, sep=separator, quoting=2)
    path = tmp_path / "cells.txt"
    path.write_bytes(pack(text.encode()))
    found = io.read_coordinates(path)
    assert list(found.index) == list(table["cell_id"])
    np.testing.assert_array_equal(found["x"], X)


def test_zip_parquet_and_utf_16(tmp_path):
    table = TABLES["merscope"]
    path = tmp_path / "cells.csv"
    packed = stdlib_io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.csv", table.to_csv(index=False))
    path.write_bytes(packed.getvalue())
    expected = io.read_coordinates(path)
    path.write_bytes(table.to_csv(index=False).encode("utf-16"))
    pd.testing.assert_frame_equal(io.read_coordinates(path), expected)
    table.assign(EntityID=[name.encode() for name in NAMES]).to_parquet(tmp_path / "c.parquet")
    pd.testing.assert_frame_equal(io.read_coordinates(tmp_path / "c.parquet"), expected)


def test_a_header_of_r_above_row_names(tmp_path):
    path = tmp_path / "c.txt"
    path.write_text('"x" "y"\n"c0" 1 2\n"NA" 3 4\n')
    table = io.read_coordinates(path)
    assert list(table.index) == ["c0", "NA"]
    assert table.loc["NA"].tolist() == [3, 4]


def test_space_rangers_list_without_header_under_any_name(tmp_path, caplog):
    path = tmp_path / "GSM5_tissue_positions_list.csv.gz"
    table = TABLES["space ranger"].assign(in_tissue=[1, 1, 0, 1, 1, 1])
    table = table.astype({"pxl_row_in_fullres": int, "pxl_col_in_fullres": int})
    table.to_csv(path, index=False, header=False)
    with caplog.at_level(logging.INFO, "smartcore"):
        found = io.read_coordinates(path)
    assert list(found.index) == ["c0", "c1", "c3", "c4", "c5"]
    assert "1 of 6 spots lie outside the tissue" in caplog.text
    np.testing.assert_array_equal(found["x"], np.delete(X, 2))
    whole = io.read_coordinates(path, in_tissue=False)
    np.testing.assert_array_equal(whole.to_numpy(), np.column_stack([X, Y]))


def test_a_hexagonal_array_is_as_far_apart_as_the_tissue(tmp_path):
    table = TABLES["space ranger"][["barcode", "in_tissue", "array_row", "array_col"]]
    table.to_csv(tmp_path / "obs.csv", index=False)
    places = io.read_coordinates(tmp_path / "obs.csv").to_numpy()
    apart = np.linalg.norm(places[:, None] - places, axis=2)
    # Equilateral triangles: all neighbours at one distance.
    np.testing.assert_allclose(np.sort(apart, axis=1)[:, 1], 2)
    square = table.assign(array_col=np.arange(N) % 3)
    square.to_csv(tmp_path / "obs.csv", index=False)
    np.testing.assert_array_equal(io.read_coordinates(tmp_path / "obs.csv")["y"], ROW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,n,area,n_genes\na,1,2,3\n", "no columns of coordinates.*'id', 'n', 'area', 'n_genes'"),
        ("a,1,2,3\nb,4,5,6\n", "no columns of coordinates"),  # which is z?
        ("id,x,y,X,Y\na,1,2,3,4\n", "columns 'x' and 'X' could both be meant"),
        ("id,x,y\na,1,2\nb,1_0,3\n", "'1_0' of spot 'b'"),
        ("id,x,y\na,1,2\nb,NA,3\n", "'NA' of spot 'b'"),
        ("id;x;y\na;1,5;2\n", "'1,5' of spot 'a'.*decimals need a point"),
        ("id,x,y\n,1,2\n", "1 rows have no name in column 'id'"),
        ("id,x,y\na,1,2\nb,3\n", "no common number of columns|line 3 has 2"),
        ("id,x,y\n", "has a header but no row"),
        ("x,y,label\n1,2,a\n3,4,b\n", "no column names the spots"),
        (
            "cell,fov,CenterX_local_px,CenterY_local_px\na,1,2,3\nb,2,2,3\n",
            "places within fields of view only",
        ),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path, text, message):
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        io.read_coordinates(path)
    assert "c.csv" in str(error.value)


def test_columns_that_the_user_names(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("n,x,y,X,Y,who\n7,1,2,3,4,a\n7,5,6,7,8,b\n")
    table = io.read_coordinates(path, columns=["X", "Y"], names="who")
    assert table.to_dict("list") == {"x": [3, 7], "y": [4, 8]}
    assert list(table.index) == ["a", "b"]
    with pytest.raises(ValueError, match=r"has no column 'Z'; it has 'n', 'x'"):
        io.read_coordinates(path, columns=["X", "Z"])
    with pytest.raises(ValueError, match="two or three columns"):
        io.read_coordinates(path, columns=["X"])


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("xenium/cells.csv.gz", ["x_centroid", "y_centroid"]),
        ("merscope/Liver1Slice1_cell_metadata.csv", ["center_x", "center_y"]),
        (
            "visium_two_sections/section1/outs/spatial/tissue_positions_list.csv",
            [5, 4],
        ),
    ],
)
def test_real_files(shared_data, file, columns):
    path = shared_data / "formats" / file
    raw = pd.read_csv(path, header=None if isinstance(columns[0], int) else 0, index_col=0)
    if isinstance(columns[0], int):
        raw = raw[raw[1] == 1]
    found = io.read_coordinates(path)
    assert list(found.index) == list(raw.index.astype(str))
    np.testing.assert_allclose(found.to_numpy(), raw[columns].to_numpy())


def test_labels_are_text_as_they_stand(tmp_path, capsys):
    from smartcore.cli import main

    (tmp_path / "domains.csv").write_text("spot,domain\n01,1\n1,2\nNA,1\nx,2\n")
    (tmp_path / "truth.csv").write_text("spot;layer\n01;NA\n1;None\nNA;NA\nx;\n")
    args = ["score", tmp_path / "domains.csv", "--truth", "layer"]
    assert main([*map(str, args), "--truth-file", str(tmp_path / "truth.csv")]) == 0
    assert "ari          1.0000" in capsys.readouterr().out
