"""What tl.smart leaves in objects and files, also when interrupted."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from helpers.tl import COORDS, NAMES, QUICK, both, by_hand, embedding, modality, refused, same


def equal_records(found, expected):
    assert sorted(found) == sorted(expected)
    for key, value in expected.items():
        if isinstance(value, dict):
            equal_records(found[key], value)
        elif isinstance(value, pd.DataFrame):
            # Objects of NaN are equal to none.
            assert list(found[key]) == list(value)
            for column in value:
                np.testing.assert_array_equal(found[key][column], value[column])
        else:
            np.testing.assert_array_equal(found[key], value)


def test_record_is_that_of_integrate():
    mdata = both()
    sm.tl.smart(mdata, seed=3, **QUICK)
    result = sm.integrate(
        {m: a.obsm["X_pca"] for m, a in mdata.mod.items()}, COORDS, seed=3, epochs=3, latent_dim=8
    )
    record = mdata.uns["smart"]
    history = pd.DataFrame(record["history"]).set_index("epoch")
    pd.testing.assert_frame_equal(history, result.history, check_index_type=False)
    assert record["n_triplets"] == result.n_triplets
    assert record["version"] == sm.__version__
    for name, value in result.params.plain().items():
        assert record["params"].get(name) == value
    assert (record["params"]["preset"], record["params"]["seed"]) == ("robust", 3)


@pytest.mark.filterwarnings("ignore:Writing zarr v2")
@pytest.mark.parametrize("kind", ["h5mu", "h5ad", "zarr"])
def test_result_survives_a_file(tmp_path, kind):
    if kind == "zarr":
        pytest.importorskip("zarr")
    data = both() if kind == "h5mu" else modality("rna")
    sm.tl.smart(data, alpha={"rna" if kind == "h5mu" else "features": 2.0}, **QUICK)
    path = tmp_path / f"result.{kind}"
    if kind == "h5mu":
        data.write_h5mu(path)
        back = md.read_h5mu(path)
    elif kind == "h5ad":
        data.write_h5ad(path)
        back = ad.read_h5ad(path)
    else:
        data.write_zarr(path)
        back = ad.read_zarr(path)
    np.testing.assert_array_equal(back.obsm["X_smart"], data.obsm["X_smart"])
    graph, expected = (x.obsp["smart_connectivities"] for x in (back, data))
    assert (graph != expected).nnz == 0
    equal_records(back.uns["smart"], data.uns["smart"])
    again = data.copy()
    sm.tl.smart(back, alpha={"rna" if kind == "h5mu" else "features": 2.0}, **QUICK)
    same(embedding(back), embedding(again))


@pytest.mark.parametrize("copy", [False, True])
def test_backed_anndata(tmp_path, copy):
    adata = modality("rna")
    adata.write_h5ad(tmp_path / "rna.h5ad")
    backed = ad.read_h5ad(tmp_path / "rna.h5ad", backed="r")
    result = sm.tl.smart(backed, copy=copy, **QUICK)
    same(embedding(result if copy else backed), by_hand({"rna": adata}, NAMES))
    assert ("X_smart" in backed.obsm) != copy
    backed.file.close()


def never(epoch, losses):
    raise AssertionError("the training has begun")


def test_what_cannot_be_written_is_refused_before_the_training(tmp_path):
    both().write_h5mu(tmp_path / "both.h5mu")
    mdata = md.read_h5mu(tmp_path / "both.h5mu", backed="r")
    refused(mdata, ValueError, "backed MuData cannot be copied", copy=True, callback=never)
    mdata.file.close()
    modality("rna").write_h5ad(tmp_path / "rna.h5ad")
    adata = ad.read_h5ad(tmp_path / "rna.h5ad", backed="r")
    with pytest.raises(ValueError, match="view of backed data"):
        sm.tl.smart(adata[:30], callback=never, **QUICK)
    adata.file.close()


def test_model_is_saved(tmp_path):
    mdata = both()
    sm.tl.smart(mdata, save_model=tmp_path / "model.pt", **QUICK)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
    features = {m: a.obsm["X_pca"] for m, a in mdata.mod.items()}
    again = sm.embed(sm.SMART.load(tmp_path / "model.pt"), features, COORDS)
    np.testing.assert_array_equal(again, mdata.obsm["X_smart"])


def test_model_in_a_place_that_cannot_be(tmp_path):
    refused(
        both(),
        ValueError,
        "there is no such folder",
        save_model=tmp_path / "no" / "model.pt",
        callback=never,
    )
    refused(both(), ValueError, "is a folder", save_model=tmp_path, callback=never)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("copy", [False, True])
def test_what_is_interrupted_changes_nothing(tmp_path, error, copy):
    def interrupt(epoch, losses):
        if epoch == 2:
            raise error("enough")

    settings = {"callback": interrupt, "copy": copy, "save_model": tmp_path / "model.pt"}
    modalities = {"rna": modality("rna"), "protein": modality("protein")}
    for data in (both(), modality("rna"), modalities):
        refused(data, error, "enough", **settings)
    assert not list(tmp_path.iterdir())


def test_what_was_there_stays_when_a_second_run_fails():
    mdata = both()
    sm.tl.smart(mdata, **QUICK)
    record = mdata.uns["smart"]
    refused(mdata, AssertionError, "begun", seed=1, callback=never)
    assert mdata.uns["smart"] is record


def test_callback_sees_every_epoch_and_progress_is_optional(capfd):
    seen = []
    mdata = both()
    sm.tl.smart(mdata, callback=lambda epoch, losses: seen.append((epoch, losses)), **QUICK)
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    np.testing.assert_array_equal(
        [losses["total"] for _, losses in seen], mdata.uns["smart"]["history"]["total"]
    )
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    sm.tl.smart(mdata, **{**QUICK, "progress": True})
    out, err = capfd.readouterr()
    assert out == ""
    assert "3/3" in err
