"""Slide-seq's tables of genes × beads and of places."""

import gzip

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp

from smartcore import io

BEADS = ["ACGTACGTACGTAC", "TTTTACGTACGTAC", "GGGGACGTACGTAC", "CCCCACGTACGTAC"]
GENES = ["Nefl", "Plp1", "Mbp"]
COUNTS = np.array([[0, 3, 1], [2, 0, 0], [0, 0, 5], [7, 1, 0]])
PLACES = pd.DataFrame({"barcodes": BEADS, "xcoord": [1.5, 2, 3, 4], "ycoord": [9, 8, 7.25, 6]})


@pytest.fixture
def version_1(tmp_path):
    """A table with commas; its places come in another order."""
    pd.DataFrame(COUNTS.T, pd.Index(GENES, name="Row"), BEADS).to_csv(
        tmp_path / "MappedDGEForR.csv"
    )
    PLACES.iloc[::-1].to_csv(tmp_path / "BeadLocationsForR.csv", index=False)
    return tmp_path


@pytest.fixture
def version_2(tmp_path):
    """A packed table with tabs, and places without a header."""
    with gzip.open(tmp_path / "Puck_200115_08.digital_expression.txt.gz", "wt") as file:
        pd.DataFrame(COUNTS.T, pd.Index(GENES, name="GENE"), BEADS).to_csv(file, sep="\t")
    PLACES.to_csv(tmp_path / "Puck_200115_08_bead_locations.csv", index=False, header=False)
    return tmp_path


@pytest.fixture
def matrix(tmp_path):
    """A sparse matrix as text."""
    scipy.io.mmwrite(tmp_path / "matrix.mtx", sp.csc_matrix(COUNTS.T))
    (tmp_path / "features.tsv").write_text(
        "".join(f"ENS{i}\t{g}\tGene Expression\n" for i, g in enumerate(GENES))
    )
    (tmp_path / "barcodes.tsv").write_text("\n".join(BEADS) + "\n")
    PLACES.to_csv(tmp_path / "BeadLocationsForR.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("kind", ["version_1", "version_2", "matrix"])
def test_slide_seq(kind, request):
    data = io.read_folder(request.getfixturevalue(kind))
    rna = data["rna"]
    assert list(rna.obs_names) == BEADS
    assert list(rna.var_names) == GENES
    np.testing.assert_array_equal(rna.X.toarray(), COUNTS)
    np.testing.assert_array_equal(rna.obsm["spatial"], PLACES[["xcoord", "ycoord"]])
    about = data.uns["smart_folder"]
    assert (about["machine"], about["unit"]) == ("Slide-seq", "bead-image pixel")
    assert "0.65 µm" in about["notes"][0]


def test_beads_without_a_place_are_left_out(version_1, monkeypatch):
    PLACES.iloc[1:].to_csv(version_1 / "BeadLocationsForR.csv", index=False)
    monkeypatch.setattr("smartcore.io.machines._placed.FEW", 0.25)  # as if there were more beads
    with pytest.warns(UserWarning, match="1 of 4 beads .* left out"):
        data = io.read_folder(version_1)
    np.testing.assert_array_equal(data["rna"].X.toarray(), COUNTS[1:])
    assert "1 beads of MappedDGEForR.csv" in data.uns["smart_folder"]["left_out"][0]


def test_genes_in_a_column_without_a_name(version_1, tmp_path):
    """As R's write.csv() and pandas write them."""
    path = version_1 / "MappedDGEForR.csv"
    header, _, rest = path.read_text().partition("\n")
    path.write_text(",".join(['""', *header.split(",")[1:]]) + "\n" + rest)
    data = io.read_folder(version_1)
    io.write_h5mu(data, tmp_path / "out.h5mu")
    assert list(io.read_mudata(tmp_path / "out.h5mu")["rna"].var_names) == list(
        data["rna"].var_names
    )


def test_slide_seq_cut_short(version_2):
    path = version_2 / "Puck_200115_08.digital_expression.txt.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ValueError, match=r"digital_expression\.txt\.gz could not be read"):
        io.read_folder(version_2)


def test_slide_seq_without_counts(version_1):
    (version_1 / "MappedDGEForR.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"no counts: looked for MappedDGEForR\.csv"):
        io.read_folder(version_1)
