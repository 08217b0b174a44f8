"""Modalities of any kind on the command line, against the library called by hand."""

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imsave

import smartcore as sm
from helpers.cli import BY_HAND, QUICK, assert_fails, run
from smartcore.cli import build_parser, main
from smartcore.cli._kinds import check_other_options, kind_of

pytestmark = pytest.mark.usefixtures("no_pulling")

STEPS = ["total", "log1p", "scale"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two sections: RNA, intensities and vectors of its spots, and pixels at other places."""
    folder = tmp_path_factory.mktemp("other")
    for i, name in enumerate(("left", "right")):
        rng = np.random.default_rng(i)
        rna = sm.datasets.tri_omics((10, 10), n_genes=60, seed=i).mod["rna"]
        rna.layers["twice"] = 2 * rna.X
        rna.obsm["UNI"] = rng.normal(size=(100, 40))
        rna.write_h5ad(folder / f"{name}_rna.h5ad")
        signal = rna.X[:, :12].toarray()
        msi = ad.AnnData(
            100.0 * (1 + signal) * rng.gamma(5, 1, (100, 12)),
            obs=pd.DataFrame(index=rna.obs_names),
            var=pd.DataFrame(index=[f"mz{j}" for j in range(12)]),
        )
        msi.layers["twice"] = 2 * msi.X
        msi.write_h5ad(folder / f"{name}_msi.h5ad")
        pixels = msi[rng.integers(0, 100, 250)].copy()
        pixels.obs_names = [f"pixel{j}" for j in range(250)]
        pixels.obsm["spatial"] = rng.uniform(-0.5, 9.5, (250, 2))
        pixels.write_h5ad(folder / f"{name}_pixels.h5ad")
        vectors = ad.AnnData(rna.obsm["UNI"][:, :8], obs=pd.DataFrame(index=rna.obs_names))
        vectors.write_h5ad(folder / f"{name}_uni.h5ad")
    return folder


def read(folder, what):
    return ad.read_h5ad(folder / f"left_{what}.h5ad")


def same(out, by_hand):
    result = sm.io.read_mudata(out)
    np.testing.assert_array_equal(result.obsm["X_smart"], by_hand.obsm["X_smart"])
    return result


def test_other_and_embedding_equal_the_library_by_hand(folder, out):
    sources = ["--rna", folder / "left_rna.h5ad", "--other", f"msi={folder}/left_msi.h5ad"]
    sources += ["--embedding", f"uni={folder}/left_uni.h5ad"]
    steps = ["--steps", "msi=scale,log1p,total", "uni=scale"]
    assert run(*sources, *steps, "--n-comps", 7, "-k", 3, "-o", out, *QUICK) == 0
    parts = {"rna": read(folder, "rna"), "msi": read(folder, "msi"), "uni": read(folder, "uni")}
    sm.pp.rna(parts["rna"], n_comps=7)
    sm.pp.features(parts["msi"], steps=STEPS, n_comps=7)
    sm.pp.embedding(parts["uni"], steps=["scale"], n_comps=7)
    result = same(out, sm.tl.smart(parts, **BY_HAND))
    assert list(result.mod) == ["rna", "msi", "uni"]
    assert result["msi"].uns["pca"]["params"]["modality"] == "msi"


def test_one_modality_alone_keys_layers_and_no_steps(folder, out):
    sources = ["--other", f"gain={folder}/left_rna.h5ad", "--other-layer", "gain=twice"]
    sources += ["--embedding", f"uni={folder}/left_rna.h5ad", "--embedding-key", "uni=UNI"]
    assert run(*sources, "--steps", "gain=none", "-k", 3, "-o", out, *QUICK) == 0
    parts = {"gain": read(folder, "rna"), "uni": read(folder, "rna")}
    sm.pp.features(parts["gain"], layer="twice", steps=())
    sm.pp.embedding(parts["uni"], "UNI")
    same(out, sm.tl.smart(parts, **BY_HAND))
    alone = out.with_name("alone.h5ad")
    assert run("--other", f"gain={folder}/left_rna.h5ad", "-k", 3, "-o", alone, *QUICK) == 0
    assert ad.read_h5ad(alone).obsm["X_smart"].shape == (100, 8)


@pytest.mark.parametrize("name", ["vectors.csv", "vectors.tsv.gz", "vectors.parquet"])
def test_vectors_in_a_table(folder, out, tmp_path, name):
    vectors = ad.read_h5ad(folder / "left_uni.h5ad")
    table = pd.DataFrame(vectors.X, index=vectors.obs_names).iloc[::-1]
    table.columns = [f"v{i}" for i in range(table.shape[1])]
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
        table.rename_axis("spot").to_parquet(tmp_path / name)
    else:
        table.to_csv(tmp_path / name, sep="\t" if "tsv" in name else ",")
    args = ["--rna", folder / "left_rna.h5ad", "--embedding", f"v={tmp_path / name}", "-k", 3]
    assert run(*args, "-o", out, *QUICK) == 0
    found = sm.io.read_mudata(out)["v"]
    np.testing.assert_allclose(found[vectors.obs_names].X, vectors.X, rtol=1e-6)


def test_a_modality_of_a_joint_file(folder, out, tmp_path):
    parts = {"rna": read(folder, "rna"), "met": read(folder, "msi")}
    mudata.MuData(parts).write_h5mu(tmp_path / "in.h5mu")
    args = ["--kind", "met=other", "--steps", "met=total,log1p"]
    assert run(tmp_path / "in.h5mu", *args, "-k", 3, "-o", out, *QUICK) == 0
    sm.pp.rna(parts["rna"])
    sm.pp.features(parts["met"], steps=["total", "log1p"])
    same(out, sm.tl.smart(parts, **BY_HAND))


@pytest.mark.parametrize(("place", "radius"), [("msi", None), ("msi=0.4", 0.4)])
def test_pixels_are_brought_to_the_spots(folder, out, place, radius, capsys):
    sources = ["--other", f"msi={folder}/left_pixels.h5ad", "--rna", folder / "left_rna.h5ad"]
    options = ["--place", place, "--place-method", "mean"]
    assert run(*sources, *options, "-k", 3, "-o", out, *QUICK[:-1]) == 0
    rna = read(folder, "rna")
    msi = sm.pp.to_spots(read(folder, "pixels"), rna, method="mean", radius=radius)
    assert 50 < msi.n_obs < 100
    said = capsys.readouterr().err
    assert "msi: bringing its pixels to the spots of rna" in said
    assert f"{msi.n_obs} of 100 spots have a pixel within {radius or 0.5}" in said
    sm.pp.rna(rna)
    sm.pp.features(msi)
    result = same(out, sm.tl.smart({"rna": rna, "msi": msi}, **BY_HAND))
    assert result["msi"].n_obs == msi.n_obs


def test_sections_with_pixels_and_one_without_vectors(folder, out):
    names = ("left", "right")
    files = {what: [folder / f"{name}_{what}.h5ad" for name in names] for what in ("rna", "pixels")}
    sources = ["--rna", *files["rna"], "--other", f"msi={files['pixels'][0]}", files["pixels"][1]]
    sources += ["--embedding", f"uni={folder}/left_rna.h5ad", "-", "--embedding-key", "uni=UNI"]
    options = ["--place", "msi=0.6", "--section-names", *names]
    assert run(*sources, *options, "-k", 3, "-o", out, *QUICK) == 0
    rna = {name: ad.read_h5ad(path) for name, path in zip(names, files["rna"], strict=True)}
    msi = {
        name: sm.pp.to_spots(ad.read_h5ad(path), rna[name], radius=0.6)
        for name, path in zip(names, files["pixels"], strict=True)
    }
    uni = {"left": ad.AnnData(rna["left"].obsm["UNI"], obs=rna["left"].obs)}
    sm.pp.rna(rna)
    sm.pp.features(msi)
    sm.pp.embedding(uni)
    given = {name: {"rna": rna[name], "msi": msi[name]} for name in names}
    given["left"]["uni"] = uni["left"]
    expected = sm.tl.smart(given, **BY_HAND)
    found = sm.io.read_mudata(out)
    rows = [f"{name}:{spot}" for name in names for spot in expected[name].obs_names]
    order = found.obs_names.get_indexer(rows)
    assert (order >= 0).all()
    assert found["msi"].n_obs == sum(part.n_obs for part in msi.values())
    np.testing.assert_allclose(
        found.obsm["X_smart"][order],
        np.vstack([part.obsm["X_smart"] for part in expected.values()]),
        atol=1e-4,
    )


@pytest.mark.parametrize("holder", ["rna", "protein"])
def test_pixels_go_to_spots_of_their_own_section(folder, out, holder, tmp_path, capsys):
    """Two sections of one file, on the same axes; the column may be another modality's."""
    names = ("left", "right")
    both = {
        what: ad.concat(
            {name: ad.read_h5ad(folder / f"{name}_{what}.h5ad") for name in names},
            label="section",
            index_unique="-",
        )
        for what in ("rna", "pixels")
    }
    both["protein"] = both["rna"][:, :9].copy()
    for what in {"rna", "protein"} - {holder}:
        del both[what].obs["section"]
    for what, adata in both.items():
        adata.write_h5ad(tmp_path / f"{what}.h5ad")
    sources = ["--rna", tmp_path / "rna.h5ad", "--protein", tmp_path / "protein.h5ad"]
    sources += ["--other", f"msi={tmp_path}/pixels.h5ad", "--place", "msi=0.6", "-k", 3, "-o", out]
    assert run(*sources, "--section-key", "section", *QUICK) == 0
    alone = {
        name: sm.pp.to_spots(
            ad.read_h5ad(folder / f"{name}_pixels.h5ad"),
            ad.read_h5ad(folder / f"{name}_rna.h5ad"),
            radius=0.6,
        )
        for name in names
    }
    placed = sm.io.read_mudata(out)["msi"]
    rows = [f"{spot}-{name}" for name in names for spot in alone[name].obs_names]
    assert list(placed.obs_names) == rows
    np.testing.assert_array_equal(placed.X, np.vstack([part.X for part in alone.values()]))
    if holder == "rna":
        command = ["run", *sources[:-1], tmp_path / "no.h5mu"]
        assert_fails(capsys, command, r"msi: .*give --section-key section", folder=tmp_path)
    del both["pixels"].obs["section"]
    both["pixels"].write_h5ad(tmp_path / "pixels.h5ad")
    command = ["run", *sources[:-1], tmp_path / "no.h5mu", "--section-key", "section"]
    assert_fails(capsys, command, r"msi: The pixels have no obs\['section'\]", folder=tmp_path)


def test_values_on_disk(folder, out):
    pytest.importorskip("dask")
    sources = ["--rna", folder / "left_rna.h5ad", "--other", f"msi={folder}/left_msi.h5ad"]
    sources += ["--other", f"pix={folder}/left_pixels.h5ad", "--place", "pix"]
    assert run(*sources, "--backed", "-k", 3, "-o", out, *QUICK) == 0
    result = sm.io.read_mudata(out)
    assert result["msi"].X is None
    msi = read(folder, "msi")
    sm.pp.features(msi)
    found = result["msi"].obsm["X_pca"]
    np.testing.assert_allclose(np.abs(found), np.abs(msi.obsm["X_pca"]), atol=1e-3)


@pytest.fixture
def visium(folder, tmp_path):
    """RNA whose places are pixels of an image, as scanpy keeps it."""
    rna = read(folder, "rna")
    rna.obsm["spatial"] = 40 * rna.obsm["spatial"] + 30
    image = np.random.default_rng(0).integers(0, 256, (45, 45, 3), dtype=np.uint8)
    rna.uns["spatial"] = {
        "V": {
            "images": {"hires": image},
            "scalefactors": {"tissue_hires_scalef": 0.1, "spot_diameter_fullres": 30.0},
        }
    }
    rna.write_h5ad(tmp_path / "visium.h5ad")
    return tmp_path / "visium.h5ad"


def test_colors_of_the_image_that_scanpy_keeps(visium, out):
    args = ["--rna", visium, "--image-colors", "--steps", "image=scale"]
    assert run(*args, "-k", 3, "-o", out, *QUICK) == 0
    rna = ad.read_h5ad(visium)
    colors = sm.pp.image_colors(rna)
    sm.pp.rna(rna)
    sm.pp.features(colors)
    same(out, sm.tl.smart({"rna": rna, "image": colors}, **BY_HAND))


def test_colors_of_a_space_ranger_folder(shared_data, out, capsys):
    outs = shared_data / "seurat_visium/visium_outs"
    assert run(outs, "--image-colors", "-k", 3, "-o", out, *QUICK[:-1]) == 1
    said = capsys.readouterr().err
    assert "images of the tissue (hires 2000 × 1998" in said
    assert "Colours under 2695 spots, over a radius of 7.7 pixels" in said
    # The image was blackened where this folder comes from.
    assert "image: All 13 features are constant over the spots" in said


def test_an_image_is_read_with_its_scale(tmp_path):
    (tmp_path / "spatial").mkdir()
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    imsave(tmp_path / "spatial/tissue_hires_image.png", image)
    with pytest.raises(FileNotFoundError, match=r"has no scalefactors_json\.json"):
        sm.io.read_image(tmp_path)
    table = tmp_path / "spatial/scalefactors_json.json"
    table.write_text('{"tissue_hires_scalef": 0.25, "spot_diameter_fullres": 80}')
    for path in (tmp_path, tmp_path / "spatial"):
        found = sm.io.read_image(path)
        np.testing.assert_array_equal(found.pixels, image)
        assert (found.scale, found.spot_diameter) == (0.25, 80)
    table.write_text('{"tissue_hires_scalef": 0.25}')
    with pytest.raises(ValueError, match=r"scalefactors_json\.json lacks spot_diameter"):
        sm.io.read_image(tmp_path)


RNA = ["--rna", "left_rna.h5ad"]
MSI = ["--other", "msi=left_msi.h5ad"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--other", "left_msi.h5ad"], "--other takes NAME=FILE"),
        (["--other", "rna=x.h5ad"], "that name is taken by --rna"),
        ([*MSI, *MSI], "msi is there already"),
        (["--other", "a=x.h5ad", "b=y.h5ad"], "give --other once for each modality"),
        (["x.h5mu", *MSI], "give either INPUT or --other msi, not both.* --rna x.h5mu --other msi"),
        ([*RNA, *MSI, "left_msi.h5ad"], "1 for --rna, 2 for --other msi"),
        ([*RNA, *MSI, "--steps", "msl=total"], "--steps names 'msl'.*there is msi"),
        ([*RNA, *MSI, "--steps", "msi=tic"], "'tic' is none of total, log1p, scale"),
        ([*RNA, *MSI, "--steps", "msi"], "is not NAME=VALUE"),
        ([*RNA, "--embedding", "u=x", "--steps", "u=total"], "total is not for --embedding"),
        ([*RNA, *MSI, "--place", "msi=0"], "neither NAME nor NAME=RADIUS"),
        ([*RNA, "--place", "rna"], "--place names 'rna', which no --other or --embedding does"),
        ([*RNA, *MSI, "--embedding-key", "msi=X"], "which no --embedding does"),
        ([*MSI, "--place", "msi"], "give one, too"),
        ([*RNA, "--other", "msi=left_pixels.h5ad"], "--place msi brings it to the spots"),
        ([*RNA, "--other", "x=left_rna.h5ad"], "given twice: say by --other-layer x=KEY"),
        ([*RNA, "--image-colors"], "rna has no image"),
        ([*RNA, *MSI, "-o", "out.h5ad"], r"several modalities go to an \.h5mu"),
        ([*RNA, *MSI, "-o", "left_msi.h5ad", "--force"], "several modalities go to"),
    ],
)
def test_wrong_usage(folder, args, message, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    output = [] if "-o" in args else ["-o", "out.h5mu"]
    assert_fails(capsys, ["run", *args, *output, "-q"], message, code=2, folder=folder)


def test_what_an_option_is_for_goes_before_kind(folder):
    given = ["run", "--other", f"msi={folder / 'left_msi.h5ad'}", "--kind", "msi=embedding"]
    args = build_parser().parse_args([*given, "--steps", "msi=total", "-o", "out.h5mu"])
    assert kind_of(args, "msi") == "other"
    check_other_options(args)


def test_an_input_is_not_written_over(folder, capsys):
    path = f"{folder}/left_msi.h5ad"
    args = ["run", "--other", f"msi={path}", "-o", path, "--force"]
    assert_fails(capsys, args, "would be written over the input", code=2, folder=folder)


def test_bad_values_are_refused_by_name(folder, out, tmp_path, capsys):
    msi = read(folder, "msi")
    msi.X[3, 4] = -1
    msi.write_h5ad(tmp_path / "bad.h5ad")
    args = ["run", "--rna", folder / "left_rna.h5ad", "--other", f"msi={tmp_path}/bad.h5ad"]
    args += ["--steps", "msi=total", "-o", out]
    message = r"msi: X has negative values in 1 of 100 spots .*'mz4'\).*total.*leave it out"
    assert_fails(capsys, args, message, folder=out.parent)


def test_help_names_them(capsys):
    assert main(["run", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for option in ("--other NAME=FILE [FILE ...]", "--embedding NAME=FILE", "--steps NAME=STEPS"):
        assert option in text
