"""Scores of embeddings and domains, on plain arrays.

Agreement with a truth (``ari`` and its six kin, all at once in ``scores``), spatial
autocorrelation, cluster separation, how continuous domains are in the tissue (``chaos``,
``pas``, ``spatial_silhouette``), which modality an embedding follows, a probe of the embedding
that needs no clustering, and for several sections how well they mix (``ilisi``,
``ilisi_graph``, ``kbet``) and how domains differ between them.
"""

from ._autocorrelation import morans_i, morans_i_clusters
from ._continuity import chaos, pas
from ._correlation import modality_correlation
from ._mixing import ilisi, ilisi_graph, kbet
from ._probe import blocked_knn_probe
from ._sections import domain_proportions, section_ari
from ._separation import davies_bouldin, silhouette
from ._spatial import section_spatial_scores, spatial_silhouette
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
    "chaos",
    "davies_bouldin",
    "domain_proportions",
    "fmi",
    "homogeneity",
    "ilisi",
    "ilisi_graph",
    "kbet",
    "modality_correlation",
    "morans_i",
    "morans_i_clusters",
    "mutual_info",
    "nmi",
    "pas",
    "scores",
    "section_ari",
    "section_spatial_scores",
    "silhouette",
    "spatial_silhouette",
    "v_measure",
]
