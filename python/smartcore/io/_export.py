"""Domains in the files that viewers read."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.io import _viewer_tables as tables
from smartcore.io._folders import check_folder, staged_folder
from smartcore.io._outlines import shapely_module
from smartcore.io._pixels import check_pixel_size, in_pixels
from smartcore.io._qupath import write_geojson
from smartcore.io._viewer_spots import Spots, sections_of
from smartcore.io._viewers import PLACED, SUFFIXES, VIEWERS, Viewer
from smartcore.io._vitessce import CONFIG, check_zarr, write_folder
from smartcore.io._write import StagedFiles

logger = logging.getLogger("smartcore")

Write = Callable[[Path], object]

_COMPANIONS: dict[Viewer, tuple[str, ...]] = {
    "xenium": ("confidence",),
    "loupe": ("confidence", "umap"),
}
"""What may be written beside a section's file, as the end of the name."""


def export(
    data: Any,
    to: Viewer,
    path: str | Path,
    *,
    key: str = _keys.DOMAINS,
    section_key: str | None = None,
    names_key: str | None = None,
    spatial_key: str = _keys.SPATIAL,
    pixel_size: float | None = None,
    spots: bool = False,
    port: int = 8000,
    overwrite: bool = False,
) -> list[Path]:
    """Write domains, their colours and how sure they are in a file for a viewer.

    Parameters
    ----------
    data
        AnnData or MuData with domains in ``obs``, as :func:`smartcore.tl.cluster` writes them; or
        a list or dict of such, one for each section. It is not changed.
    to
        The viewer:

        - ``"xenium"``: cell groups of Xenium Explorer, a table ``cell_id,group,color``;
        - ``"loupe"``: a category of Loupe Browser, a table ``Barcode,<key>``, and a projection of
          ``obsm["X_umap"]`` where there is one;
        - ``"qupath"``: GeoJSON with an annotation for each domain;
        - ``"napari"``: a points layer, with domain and confidence as features;
        - ``"vitessce"``: a folder with a view config, the data and ``serve.py``, which serves them.

    path
        The file, which ends in ``.csv``, for QuPath in ``.geojson``; for Vitessce a folder. Of
        several sections each gets its own, with the section's name put in: ``out_a.csv``.
    key
        Column of ``obs`` with the domains, of any names. Colours are those of
        ``uns[f"{key}_colors"]``, or else of the plots.
    section_key
        Column of ``obs`` with the section of each spot.
    names_key
        Column of ``obs`` with the barcodes or cell ids as the machine wrote them. None: the names
        of the spots; where sections were joined, without the section's name in front.
    spatial_key
        Key in ``obsm`` of the coordinates, x first.
    pixel_size
        Length of a pixel of the full-resolution image in the unit of the coordinates: micrometres
        per pixel where these are in micrometres (0.2125 for Xenium), 1 where they are pixels.
        QuPath needs it, save for Space Ranger's data, whose coordinates are pixels. For napari and
        Vitessce None leaves coordinates as they are.
    spots
        For QuPath, also write each spot as a detection, with its confidence as a measurement.
    port
        For Vitessce, the port of this computer at which the folder will be served.
    overwrite
        Whether files that are there may be replaced. Tables of an earlier export that lie beside
        the file and would belong to other domains, such as ``out_confidence.csv`` where there is
        no confidence now, are removed.

    Returns
    -------
    list of pathlib.Path
        The files, or folders, that were written.

    Confidence is the probability of the most probable domain, from
    ``obsm[f"{key}_memberships"]``; it is left out where there is none. Xenium Explorer and Loupe
    Browser show groups only, so it goes into a second table of bands, ``out_confidence.csv``.

    Outlines for QuPath are made of the area around each spot that is nearer to it than to any
    other, up to three quarters of the distance between spots.

    Raises
    ------
    TypeError
        If ``data`` is neither.
    KeyError
        If there is no such column of ``obs`` or key of ``obsm``.
    ValueError
        If ``to`` is no viewer, ``path`` ends otherwise, domains are quantities or all missing,
        names occur twice, several sections lie in one object and ``section_key`` is not given,
        files of several sections would have one name, or the unit of the coordinates is needed and
        unknown.
    FileExistsError
        If a file is there and ``overwrite`` is False.
    OSError
        If the files cannot be written.
    ImportError
        If shapely (QuPath) or zarr (Vitessce) is missing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import anndata as ad
    >>> import pandas as pd
    >>> from smartcore import io
    >>> cells = pd.DataFrame({"smart": ["0", "1"]}, index=["aaaadnje-1", "aaaaebkp-1"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path] = io.export(ad.AnnData(obs=cells), "xenium", Path(folder) / "groups.csv")
    ...     print(path.read_text().rstrip())
    cell_id,group,color
    aaaadnje-1,0,#E69F00
    aaaaebkp-1,1,#56B4E9
    """
    if to not in VIEWERS:
        raise ValueError(f"to must be one of {', '.join(VIEWERS)}, not {to!r}")
    path = Path(path).expanduser()
    if SUFFIXES[to] and path.suffix.lower() not in SUFFIXES[to]:
        raise ValueError(
            f"{path} must end in {' or '.join(SUFFIXES[to])} for {to}; got "
            f"{path.suffix or 'no suffix'!r}"
        )
    check_pixel_size(pixel_size)
    if to == "qupath":
        shapely_module()
    if to == "vitessce":
        check_zarr()
    sections = sections_of(
        data,
        key=key,
        section_key=section_key,
        names_key=names_key,
        spatial_key=spatial_key if to in PLACED else None,
    )
    paths = _paths(path, sections, _COMPANIONS.get(to, ()))
    if to == "vitessce":
        return _write_folders(sections, paths, pixel_size, port=port, overwrite=overwrite)
    writers: dict[Path, Write] = {}
    for section, own in sections.items():
        writers |= _writers(own, to, paths[section], key, pixel_size, each=spots)
        if (left := int((~own.known).sum())) and to in ("xenium", "loupe"):
            logger.info("%s: %d spots without a domain are left out", paths[section], left)
    beside = [_beside(own, end) for own in paths.values() for end in _COMPANIONS.get(to, ())]
    stale = [file for file in beside if file not in writers and _is_ours(file)]
    there = [str(file) for file in (*(file for file in writers if file.exists()), *stale)]
    if there and not overwrite:
        verb = "exists" if len(there) == 1 else "exist"
        what = "removes" if len(there) == len(stale) else "replaces"
        it = "it" if len(there) == 1 else "them"
        raise FileExistsError(f"{', '.join(there)} {verb} already: overwrite=True {what} {it}")
    with StagedFiles() as files:
        for target, write in writers.items():
            write(files.stage(target))
        written = files.commit()
    for file in stale:
        file.unlink()
        logger.info("removed %s, which was of an earlier export", file)
    return written


def _paths(path: Path, sections: Mapping[str, Spots], ends: tuple[str, ...]) -> dict[str, Path]:
    """Where each section goes; with `ends`, files beside it do."""
    if list(sections) == [""]:
        return {"": path}
    safe = {name: re.sub(r"[^\w.-]+", "_", name) for name in sections}
    paths = {name: path.with_name(f"{path.stem}_{own}{path.suffix}") for name, own in safe.items()}
    takes = {name: {own, *(_beside(own, end) for end in ends)} for name, own in paths.items()}
    for one, other in itertools.combinations(paths, 2):
        if same := takes[one] & takes[other]:
            raise ValueError(
                f"sections {one!r} and {other!r} would be written to the same files "
                f"({min(same)}): rename one, so that they differ in letters or digits"
                + (f" and not in _{' or _'.join(ends)} alone" if ends else "")
            )
    return paths


def _is_ours(file: Path) -> bool:
    """Whether a file begins as the tables of cells and barcodes do."""
    if not file.is_file():
        return False
    with file.open("rb") as lines:
        return lines.readline().startswith((b"cell_id,", b"Barcode,"))


def _beside(path: Path, end: str) -> Path:
    return path.with_name(f"{path.stem}_{end}{path.suffix}")


def _writers(
    spots: Spots, to: Viewer, path: Path, key: str, pixel_size: float | None, *, each: bool
) -> dict[Path, Write]:
    """What writes each file of a section."""
    if to == "qupath":
        coords = _pixels(spots, pixel_size, needed=True)
        return {path: lambda file: write_geojson(file, spots, coords, each=each)}
    confidence = _beside(path, "confidence")
    if to == "xenium":
        found = {
            path: tables.xenium_groups(spots),
            confidence: tables.xenium_confidence(spots),
        }
    elif to == "loupe":
        found = {
            path: tables.loupe_categories(spots, key),
            confidence: tables.loupe_confidence(spots, key),
            _beside(path, "umap"): tables.loupe_projection(spots),
        }
    else:
        coords = _pixels(spots, pixel_size, needed=False)
        found = {path: tables.napari_points(spots, coords)}
    return {file: _csv_writer(table) for file, table in found.items() if table is not None}


def _csv_writer(table: pd.DataFrame) -> Write:
    # napari takes an empty cell for text, and NaN for a number.
    return lambda file: table.to_csv(file, index=False, na_rep="nan", lineterminator="\n")


def _pixels(spots: Spots, pixel_size: float | None, *, needed: bool) -> NDArray[np.float64]:
    if pixel_size is None and not needed:
        return spots.places
    return in_pixels(spots.places, pixel_size, spots.data)


def _write_folders(
    sections: Mapping[str, Spots],
    paths: Mapping[str, Path],
    pixel_size: float | None,
    *,
    port: int,
    overwrite: bool,
) -> list[Path]:
    folders = {
        section: check_folder(paths[section], mark=CONFIG, overwrite=overwrite)
        for section in sections
    }
    for section, folder in folders.items():
        coords = _pixels(sections[section], pixel_size, needed=False)
        logger.info("writing %d spots to %s", len(coords), folder)
        with staged_folder(folder) as temporary:
            title = section or folder.name
            write_folder(temporary, sections[section], coords, title=title, port=port)
    return list(folders.values())
