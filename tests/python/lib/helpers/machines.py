"""Small output folders of machines, as their software writes them."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from helpers.io import BARCODES, positions, write_tenx

MICRONS_PER_PIXEL = 0.5

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]], float)


def make_aggr(folder: Path, counts: np.ndarray, *, header: bool = True) -> Path:
    """Two sections joined by ``spaceranger aggr``; their spots have the same sequences."""
    folder.mkdir(parents=True)
    barcodes = ["AAAC-1", "AAAG-1", "AAAC-2", "AAAG-2", "AACT-2"]
    write_tenx(folder / "filtered_feature_bc_matrix.h5", counts)
    rename(folder / "filtered_feature_bc_matrix.h5", barcodes)
    table = positions().iloc[:5].assign(barcode=[*reversed(barcodes)], in_tissue=1)
    name = "aggr_tissue_positions.csv" if header else "aggr_tissue_positions_list.csv"
    table.to_csv(folder / name, header=header, index=False)
    libraries = pd.DataFrame({"library_id": ["old", "young"], "molecule_h5": ["a.h5", "b.h5"]})
    libraries.to_csv(folder / "aggregation.csv", index=False)
    for section in libraries["library_id"]:
        (folder / "spatial" / section).mkdir(parents=True)
        (folder / "spatial" / section / "tissue_lowres_image.png").write_bytes(b"")
    return folder


def make_hd(folder: Path, counts: np.ndarray, *, sizes=(2, 8, 16), cells: bool = True) -> Path:
    """Bins of several sizes, whose counts differ by the size, and segmented cells."""
    for size in sizes:
        place = folder / f"binned_outputs/square_{size:03d}um"
        _spatial(place, bin_size_um=float(size))
        write_tenx(place / "filtered_feature_bc_matrix.h5", counts + size)
        write_tenx(place / "raw_feature_bc_matrix.h5", counts + size)
        positions().to_parquet(place / "spatial/tissue_positions.parquet", index=False)
    if cells:
        place = folder / "segmented_outputs"
        _spatial(place)
        write_tenx(place / "filtered_feature_cell_matrix.h5", counts)
        names = [f"cellid_{i:09d}-1" for i in range(1, len(BARCODES) + 1)]
        rename(place / "filtered_feature_cell_matrix.h5", names)
        write_cells(place / "cell_segmentations.geojson", range(len(BARCODES), 0, -1))
    return folder


def write_cells(path: Path, numbers) -> Path:
    """A square for each cell, 100 pixels from the next."""
    features = [
        {
            "type": "Feature",
            "properties": {"cell_id": i},
            "geometry": {
                "type": "Polygon",
                "coordinates": [(SQUARE + np.array([100 * i, 7])).tolist()],
            },
        }
        for i in numbers
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def rename(path: Path, barcodes: list[str], **attributes) -> None:
    """Other barcodes for a 10x matrix, and attributes of its file."""
    with h5py.File(path, "a") as file:
        del file["matrix/barcodes"]
        file["matrix/barcodes"] = np.array(barcodes, dtype="S")
        file.attrs.update(attributes)


def _spatial(place: Path, **more: float) -> None:
    (place / "spatial").mkdir(parents=True)
    scales = {"microns_per_pixel": MICRONS_PER_PIXEL, "tissue_hires_scalef": 0.1, **more}
    (place / "spatial/scalefactors_json.json").write_text(json.dumps(scales))
    (place / "spatial/tissue_lowres_image.png").write_bytes(b"")
