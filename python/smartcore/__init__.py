"""SMART: spatial multi-omics in one embedding (Du et al., Nat Commun 17, 2876, 2026).

``pp`` from counts to principal components, ``tl`` from those to embedding and domains,
``metrics`` and ``pl`` to judge and to see, ``datasets`` to try; :func:`integrate` for arrays.
"""

from importlib.metadata import version

from smartcore import datasets, io, metrics, pl, pp, tl
from smartcore.integration import Integration, embed, integrate
from smartcore.model import SMART
from smartcore.params import PRESETS, Params

__version__ = version("smartcore")

__all__ = [
    "PRESETS",
    "SMART",
    "Integration",
    "Params",
    "datasets",
    "embed",
    "integrate",
    "io",
    "metrics",
    "pl",
    "pp",
    "tl",
]
