"""10x files, against scanpy."""

import warnings

import numpy as np
import pytest
import scanpy as sc

from helpers.io import BARCODES, IDS, TYPES, write_legacy_tenx, write_tenx
from smartcore import io

pytestmark = pytest.mark.usefixtures("no_pulling")


@pytest.mark.parametrize(
    ("kind", "columns"), [("rna", [0, 1, 2]), ("protein", [3, 4]), ("chromatin", [5])]
)
def test_tenx_keeps_the_kind_asked_for(tmp_path, counts, kind, columns):
    path = write_tenx(tmp_path / "a.h5", counts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = io.read_modality(path, kind)
        everything = sc.read_10x_h5(path, gex_only=False)
    assert np.array_equal(result.X.toarray(), counts[:, columns])
    assert np.array_equal(result.X.toarray(), everything[:, columns].X.toarray())
    assert list(result.obs_names) == BARCODES
    assert list(result.var["gene_ids"]) == [IDS[i] for i in columns]


def test_tenx_rna_agrees_with_scanpy(shared_data):
    path = shared_data / "seurat_visium/visium_outs/filtered_feature_bc_matrix.h5"
    result, oracle = io.read_modality(path), sc.read_10x_h5(path)
    assert (result.X != oracle.X).nnz == 0
    assert list(result.obs_names) == list(oracle.obs_names)
    assert list(result.var_names) == list(oracle.var_names)


def test_tenx_repeated_symbols_are_numbered_with_a_warning(tmp_path, counts):
    path = write_tenx(tmp_path / "a.h5", counts)
    with pytest.warns(UserWarning, match=r"1 feature names occur more than once.*'Sox17'"):
        result = io.read_modality(path, "rna")
    assert list(result.var_names) == ["Xkr4", "Sox17", "Sox17-1"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        io.read_modality(path, "protein")


def test_tenx_protein_expression_is_protein(tmp_path, counts):
    types = ["Protein Expression" if t == "Antibody Capture" else t for t in TYPES]
    result = io.read_modality(write_tenx(tmp_path / "a.h5", counts, types=types), "protein")
    assert list(result.var_names) == ["CD4", "CD8A"]


@pytest.mark.filterwarnings("ignore:.*occur more than once")
def test_legacy_tenx_is_taken_whole(tmp_path, counts):
    result = io.read_modality(write_legacy_tenx(tmp_path / "a.h5", counts), "protein")
    assert np.array_equal(result.X.toarray(), counts)


@pytest.mark.filterwarnings("ignore:.*occur more than once")
def test_read_modalities_splits_by_type(tmp_path, counts):
    result = io.read_modalities(write_tenx(tmp_path / "a.h5", counts))
    assert {kind: adata.shape for kind, adata in result.items()} == {
        "rna": (5, 3),
        "protein": (5, 2),
        "chromatin": (5, 1),
    }
    assert np.array_equal(result["protein"].X.toarray(), counts[:, 3:5])


def test_tenx_without_the_kind_lists_what_there_is(tmp_path, counts):
    path = write_tenx(tmp_path / "a.h5", counts, types=["Gene Expression"] * 6)
    with pytest.raises(ValueError, match=r"a\.h5 has no protein.*'Gene Expression' \(6\)"):
        io.read_modality(path, "protein")
    path = write_tenx(tmp_path / "b.h5", counts, types=["Custom"] * 6)
    with pytest.raises(ValueError, match=r"has no rna features.*'Custom' \(6\)"):
        io.read_modality(path, "rna")
    with pytest.raises(ValueError, match=r"'Custom' \(6\).*known types: Gene Expression"):
        io.read_modalities(path)
