"""Figure of the directions of feature space: how much each varies in space, beside noise.

python benchmarks/directions.py        writes docs/images/directions.png
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from suite import sets

from smartcore.spatial.directions import spatial_directions
from smartcore.spatial.graph import guess_n_neighbors, spatial_graph

SHOWN = {
    "tri_omics_sim": "simulated tri-omics",
    "lymph_node_A1": "lymph node A1",
    "her2st_A1": "HER2+ A1",
    "mouse_brain_P22": "mouse brain P22",
}
COLORS = {"rna": "C0", "protein": "C1", "chromatin": "C2"}


def main() -> None:
    """Draw a panel a section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    out = Path(__file__).parents[1] / "docs" / "images" / "directions.png"
    parser.add_argument("--out", type=Path, default=out)
    given = parser.parse_args()
    mpl.use("Agg")
    fig, axes = plt.subplots(1, len(SHOWN), figsize=(12, 3), sharey=True, layout="constrained")
    for ax, (name, title) in zip(axes, SHOWN.items(), strict=True):
        labelled = sets.load(name)
        graph = spatial_graph(labelled.coords, n_neighbors=guess_n_neighbors(labelled.coords))
        for modality, x in labelled.features.items():
            found = spatial_directions(x, graph)
            above = int((found.autocorrelation > found.threshold).sum())
            color = COLORS[modality]
            ax.plot(
                range(1, len(found.autocorrelation) + 1),
                found.autocorrelation,
                "o-",
                color=color,
                markersize=3,
                linewidth=1,
                label=f"{modality}: {above}",
            )
            ax.axhline(found.threshold, color=color, linewidth=0.8, linestyle=":")
        ax.axhline(0, color="0.6", linewidth=0.6)
        ax.set(title=f"{title} ({len(labelled.coords):,} spots)", xlabel="direction")
        ax.title.set_fontsize(9)
        ax.legend(frameon=False, fontsize=8)
    axes[0].set_ylabel("spatial autocorrelation")
    fig.savefig(given.out, dpi=130)


if __name__ == "__main__":
    main()
