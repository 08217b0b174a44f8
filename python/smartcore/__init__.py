"""SMART: spatial multi-omics in one embedding (Du et al., Nat Commun 17, 2876, 2026).

``pp`` from counts to principal components, ``tl`` from those to embedding and domains,
``metrics`` and ``pl`` to judge and to see, ``datasets`` to try, ``io`` for files;
:func:`integrate` for arrays.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smartcore import datasets, io, metrics, pl, pp, tl
    from smartcore.integration import Integration, embed, integrate
    from smartcore.network.model import SMART
    from smartcore.params import PRESETS, Params

__version__ = version("spatialsmart")


def _warn_of_namesake() -> None:
    """Another project's package, and ours before it had this name, write to the same folder."""
    try:
        other = version("smartcore")
    except PackageNotFoundError:
        return
    import warnings

    warnings.warn(
        f"A package called smartcore ({other}) is installed beside spatialsmart, and both write to "
        "the folder smartcore, so that either may have overwritten the other. Remove it (pip "
        "uninstall smartcore) and install spatialsmart again (pip install --force-reinstall "
        "--no-deps spatialsmart).",
        stacklevel=2,
    )


_warn_of_namesake()

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

_HOMES = {
    "PRESETS": "params",
    "SMART": "network.model",
    "Integration": "integration",
    "Params": "params",
    "embed": "integration",
    "integrate": "integration",
}


def __getattr__(name: str) -> Any:
    # torch and scanpy take seconds to import, which `smartcore --help` need not wait for.
    if name in _HOMES:
        return getattr(import_module(f"smartcore.{_HOMES[name]}"), name)
    if name in __all__:
        return import_module(f"smartcore.{name}")
    raise AttributeError(f"module 'smartcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
