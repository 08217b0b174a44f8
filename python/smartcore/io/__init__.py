"""Reading inputs and writing results."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smartcore.io._boundaries import read_boundaries
from smartcore.io._coordinates import add_coordinates, read_coordinates
from smartcore.io._features import FEATURE_TYPES, KINDS
from smartcore.io._image import Image, read_image
from smartcore.io._joint import as_anndata
from smartcore.io._lazy import read_lazily
from smartcore.io._machine_folders import read_folder
from smartcore.io._rds import read_rds
from smartcore.io._read import read_modalities, read_modality, read_mudata
from smartcore.io._sce import write_rds
from smartcore.io._spatialdata import read_spatialdata
from smartcore.io._spatialdata_results import add_to_spatialdata
from smartcore.io._viewers import VIEWERS
from smartcore.io._write import StagedFiles, check_destination, write_h5ad, write_h5mu

if TYPE_CHECKING:
    from smartcore.io._export import export
    from smartcore.io._regions import read_regions

__all__ = [
    "FEATURE_TYPES",
    "KINDS",
    "VIEWERS",
    "Image",
    "StagedFiles",
    "add_coordinates",
    "add_to_spatialdata",
    "as_anndata",
    "check_destination",
    "export",
    "read_boundaries",
    "read_coordinates",
    "read_folder",
    "read_image",
    "read_lazily",
    "read_modalities",
    "read_modality",
    "read_mudata",
    "read_rds",
    "read_regions",
    "read_spatialdata",
    "write_h5ad",
    "write_h5mu",
    "write_rds",
]

_HOMES = {"export": "_export", "read_regions": "_regions"}


def __getattr__(name: str) -> Any:
    # Their colours and places are those of the plots, which take seconds to import.
    if name in _HOMES:
        return getattr(import_module(f"smartcore.io.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'smartcore.io' has no attribute {name!r}")
