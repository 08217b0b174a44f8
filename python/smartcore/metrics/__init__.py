"""Scores of embeddings and domains, on plain arrays.

Agreement with a truth (``ari`` and its six kin, all at once in ``scores``), spatial
autocorrelation, cluster separation, which modality an embedding follows, and a probe of the
embedding that needs no clustering.
"""

from ._autocorrelation import morans_i, morans_i_clusters
from ._correlation import modality_correlation
from ._probe import blocked_knn_probe
from ._separation import davies_bouldin, silhouette
from ._truth import (
    ami,
    ari,
    fmi,
    homogeneity,
    mutual_info,
    nmi,
    scores,
    v_measure,
)

__all__ = [
    "ami",
    "ari",
    "blocked_knn_probe",
    "davies_bouldin",
    "fmi",
    "homogeneity",
    "modality_correlation",
    "morans_i",
    "morans_i_clusters",
    "mutual_info",
    "nmi",
    "scores",
    "silhouette",
    "v_measure",
]
