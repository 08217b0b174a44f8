"""The labelled sets: features, places, labels and, where there are any, counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData, read_h5ad
from numpy.typing import NDArray

import smartcore as sm

from .real_noise import REAL_NOISE, real_noise
from .real_tissue import KINDS, REAL_TISSUE, labelings, read_section
from .simulations import HELD_OUT, SIMULATIONS, simulate

DATA = Path(__file__).parents[3] / "shared" / "data"
CACHE = Path(__file__).parents[1] / ".cache"

HER2_SECTIONS = ("A1", "B1", "C1", "D1")
# Of RNA and of chromatin; the second is what the tutorial of SMART takes.
_P22_COMPONENTS = {"mouse_brain_P22": (30, 30), "mouse_brain_P22_tutorial": (30, 50)}
# Section, and how its files call the modalities.
_MOSAIC = {
    "mosaic_sim_s1": ("s1", {"rna": "rna", "protein": "adt"}),
    "mosaic_sim_s2": ("s2", {"rna": "rna"}),
    "mosaic_sim_s3": ("s3", {"protein": "adt"}),
}


@dataclass(frozen=True)
class LabelledSet:
    """A section with one or more labelings, which serve for scores alone.

    Attributes
    ----------
    features
        Modality → principal components (n_spots, d); a row of NaN where the modality did not
        measure the spot.
    coords
        Shape (n_spots, 2), in steps of distance.
    truths
        Name of a labeling → labels (n_spots,), None where missing.
    """

    name: str
    group: str
    features: dict[str, NDArray[np.float32]]
    coords: NDArray[np.float64]
    truths: dict[str, NDArray[np.object_]]
    data: Path = field(default=DATA, repr=False)

    @property
    def observed(self) -> dict[str, NDArray[np.bool_]] | None:
        """Modality → which spots it measured; None where every modality has all."""
        masks = {name: ~np.isnan(x).any(axis=1) for name, x in self.features.items()}
        return None if all(mask.all() for mask in masks.values()) else masks

    def counts(self) -> dict[str, AnnData]:
        """Raw counts by modality, in the order of the spots; empty where only PCs are there."""
        modalities = _read(self.name, self.data)
        if any(a.X is None for a in modalities.values()):
            return {}
        return {m: AnnData(a.X, var=a.var[[]]) for m, a in modalities.items()}


def real() -> dict[str, list[str]]:
    """Names of the sets of real tissue or real count noise, by group."""
    return {"real tissue": REAL_TISSUE, "real noise": list(REAL_NOISE), "kinds": list(KINDS)}


def groups() -> dict[str, list[str]]:
    """Names of the older sets by group."""
    return {
        "simulated": ["tri_omics_sim", "mosaic_sim_s1", *SIMULATIONS],
        "lymph node": ["lymph_node_A1"],
        "HER2+": [f"her2st_{section}" for section in HER2_SECTIONS],
        "P22": list(_P22_COMPONENTS),
    }


def held_out() -> dict[str, list[str]]:
    """Names of the sets that no choice was made with, by group."""
    return {"new simulated": list(HELD_OUT), "new mosaic": ["mosaic_sim_s2", "mosaic_sim_s3"]}


def every() -> dict[str, list[str]]:
    """Names of all sets by group."""
    return real() | groups() | held_out()


def load(name: str, data: Path = DATA, cache: Path = CACHE) -> LabelledSet:
    """One set; its components are computed once and kept in `cache`.

    Raises
    ------
    ValueError
        If there is no such set.
    FileNotFoundError
        If its files are not in `data`.
    """
    group = next((group for group, members in every().items() if name in members), None)
    if group is None:
        known = ", ".join(name for members in every().values() for name in members)
        raise ValueError(f"set {name!r} is not known; choose among {known}")
    file = cache / "sets" / f"{name}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        modalities = _read(name, data)
        first = next(iter(modalities.values()))
        arrays = {f"x/{m}": a.obsm["X_pca"] for m, a in modalities.items()}
        truths = {f"y/{t}": _as_text(labels) for t, labels in _truths(name, first).items()}
        partial = file.with_suffix(".partial")
        with partial.open("wb") as out:
            np.savez(out, coords=first.obsm["spatial"], **arrays, **truths)
        partial.replace(file)
    with np.load(file) as stored:
        part = {kind: {k[2:]: stored[k] for k in stored if k.startswith(kind)} for kind in "xy"}
        truths = {t: np.where(y == "", None, y.astype(object)) for t, y in part["y"].items()}
        return LabelledSet(name, group, part["x"], stored["coords"], truths, data)


def _as_text(labels: pd.Series) -> NDArray[np.str_]:
    return labels.astype(object).where(labels.notna(), "").astype(str).to_numpy(dtype=str)


def _truths(name: str, adata: AnnData) -> dict[str, pd.Series]:
    if name == "lymph_node_A1":
        second = adata.obs["lab"].astype(object).replace("Exclude", None)
        return {"annotator 1": adata.obs["lab_lynn"], "annotator 2": second}
    if name in _P22_COMPONENTS:
        return {"RNA clusters": adata.obs["RNA_clusters"]} | {
            "ATAC clusters": adata.obs["ATAC_clusters"]
        }
    if name in REAL_TISSUE or name in KINDS:
        return labelings(name, adata)
    return {"truth": adata.obs["gt" if name in _MOSAIC else "domain"]}


def _read(name: str, data: Path) -> dict[str, AnnData]:
    """Modality → counts with components in ``obsm["X_pca"]``, of spots that have any."""
    modalities = _all_spots(name, data)
    has = [~np.isnan(adata.obsm["X_pca"]).any(axis=1) for adata in modalities.values()]
    kept = np.any(has, axis=0)
    if kept.all():
        return modalities
    return {modality: adata[kept].copy() for modality, adata in modalities.items()}


def _all_spots(name: str, data: Path) -> dict[str, AnnData]:
    if name in SIMULATIONS or name in HELD_OUT:
        return simulate(name)
    if name in REAL_TISSUE or name in KINDS:
        section = read_section(name, data)
        return {"rna": section} if section.X is None else _preprocessed(rna=section)
    if name in REAL_NOISE:
        return _preprocessed(**real_noise(name, data))
    if name.startswith("her2st_"):
        return _preprocessed(rna=her2_counts(data / "her2st", name.removeprefix("her2st_")))
    if name in _P22_COMPONENTS:
        return _mouse_brain(data, *_P22_COMPONENTS[name])
    if name in _MOSAIC:
        return _preprocessed(**mosaic_counts(data, *_MOSAIC[name]))
    return _READERS[name](data)


def _tri_omics(data: Path) -> dict[str, AnnData]:
    folder = data / "tri_omics_sim"
    return _preprocessed(
        rna=read_h5ad(folder / "adata_RNA.h5ad"),
        protein=read_h5ad(folder / "adata_ADT.h5ad"),
        chromatin=read_h5ad(folder / "adata_ATAC.h5ad"),
    )


def mosaic_counts(data: Path, section: str, files: Mapping[str, str]) -> dict[str, AnnData]:
    """Modality → counts of a section of the mosaic, from what its files call the modalities."""
    folder = data / "mosaic_sim" / "replicate1"
    return {m: read_h5ad(folder / f"{section}_adata_{file}.h5ad") for m, file in files.items()}


def _lymph_node(data: Path) -> dict[str, AnnData]:
    adata = read_h5ad(data / "lymph_node_A1" / "adata_ADT.h5ad")
    # The file has Visium's array rows and columns, which are no distances.
    adata.obsm["spatial"] = np.asarray(adata.obsm["spatial"], float) * [np.sqrt(3), 1]
    return _preprocessed(protein=adata)


def _mouse_brain(data: Path, n_rna: int, n_chromatin: int) -> dict[str, AnnData]:
    whole = read_h5ad(data / "mouse_brain_P22" / "RNA_ATAC.h5ad")
    parts = {}
    for name, key, n in (("rna", "RNA_inp", n_rna), ("chromatin", "ATAC_inp", n_chromatin)):
        parts[name] = AnnData(obs=whole.obs, obsm={"spatial": whole.obsm["spatial"]})
        parts[name].obsm["X_pca"] = np.asarray(whole.obsm[key][:, :n], np.float32)
    return parts


def her2_counts(folder: Path, section: str) -> AnnData:
    """Counts of a section; ``obs["domain"]`` where a pathologist has labelled it."""
    counts = pd.read_csv(folder / f"{section}.tsv.gz", sep="\t", index_col=0)
    adata = AnnData(sp.csr_matrix(counts.to_numpy(np.float32)))
    adata.obs_names, adata.var_names = counts.index.astype(str), counts.columns.astype(str)
    # A spot's name is its place on the array.
    adata.obsm["spatial"] = np.array([spot.split("x") for spot in counts.index], float)
    labels = folder / f"{section}_labeled_coordinates.tsv"
    if labels.is_file():
        places = pd.read_csv(labels, sep="\t").dropna()
        spots = [f"{x:.0f}x{y:.0f}" for x, y in places[["x", "y"]].round().to_numpy()]
        domain = pd.Series(places["label"].to_numpy(), index=spots).replace("undetermined", None)
        adata.obs["domain"] = domain.reindex(adata.obs_names)
    return adata


def _preprocessed(**modalities: AnnData) -> dict[str, AnnData]:
    """Components of each modality, all in the order of the first one's spots."""
    first = next(iter(modalities.values()))
    aligned = {name: adata[first.obs_names].copy() for name, adata in modalities.items()}
    preprocess: dict[str, Any] = {name: getattr(sm.pp, name) for name in aligned}
    for name, adata in aligned.items():
        preprocess[name](adata)
    return aligned


_READERS: dict[str, Callable[[Path], dict[str, AnnData]]] = {
    "tri_omics_sim": _tri_omics,
    "lymph_node_A1": _lymph_node,
}
