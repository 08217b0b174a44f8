"""`smartcore run` on real sections: embedding, domains and figures of each.

Human lymph node A1 (protein alone, K = 7; scored against both annotators) and P22 mouse brain
(RNA and chromatin components as published, K = 14; scored against the clusters published for
either modality). Labels serve for the score alone.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from anndata import AnnData, read_h5ad

from smartcore.cli import main as smartcore

DATA = Path(__file__).parents[2] / "shared" / "data"


def lymph_node(data: Path, out: Path, options: list[str]) -> None:
    """Visium spots; the file has array rows and columns, which are made distances."""
    adata = read_h5ad(data / "lymph_node_A1" / "adata_ADT.h5ad")
    adata.obsm["spatial"] = np.asarray(adata.obsm["spatial"], float) * [np.sqrt(3), 1]
    counts = out / "lymph_node_input.h5ad"
    adata.write_h5ad(counts)
    result = out / "lymph_node.h5ad"
    run("--protein", counts, "-k", 7, "--truth", "lab_lynn", "-o", result, *options)
    print("Second annotator:")
    run_score(result, "lab")


def mouse_brain(data: Path, out: Path, options: list[str]) -> None:
    """Two modalities given by their components."""
    adata = read_h5ad(data / "mouse_brain_P22" / "RNA_ATAC.h5ad")
    files = []
    for name, key in (("rna", "RNA_inp"), ("chromatin", "ATAC_inp")):
        one = AnnData(obs=adata.obs, obsm={"spatial": adata.obsm["spatial"]})
        one.obsm["X_pca"] = adata.obsm[key]
        one.write_h5ad(file := out / f"mouse_brain_{name}_input.h5ad")
        files += [f"--{name}", file]
    result = out / "mouse_brain.h5mu"
    run(*files, "--no-preprocess", "-k", 14, "-o", result, *options)
    for clusters in ("RNA_clusters", "ATAC_clusters"):
        print(f"Published {clusters}:")
        run_score(result, clusters)


def run(*args: object) -> None:
    """`smartcore run`, ending this script where it fails."""
    if code := smartcore(["run", *map(str, args), "--force"]):
        sys.exit(code)


def run_score(result: Path, truth: str) -> None:
    """`smartcore score`, ending this script where it fails."""
    if code := smartcore(["score", str(result), "--truth", truth]):
        sys.exit(code)


SECTIONS = {"lymph_node": lymph_node, "mouse_brain": mouse_brain}


def main() -> None:
    """Run the sections asked for; what is not known here goes to `smartcore run`."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Other options go to `smartcore run`, such as --preset."
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=Path("real_sections"))
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    args, options = parser.parse_known_args()
    if not args.data.is_dir():
        sys.exit(f"The data are not at {args.data}; say where with --data.")
    args.out.mkdir(parents=True, exist_ok=True)
    for section in args.sections:
        print(f"\n{section}", flush=True)
        SECTIONS[section](args.data, args.out, options)


if __name__ == "__main__":
    main()
