"""The output folder of a machine, whichever it is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from smartcore import _keys
from smartcore.given.agreed import agreed
from smartcore.given.off_tissue import tissue_spots
from smartcore.io._archives import SUFFIXES, is_archive, unpacked
from smartcore.io._features import names_checked_later, unique_names_each
from smartcore.io._files import existing
from smartcore.io._images import library_images
from smartcore.io._stores import is_zarr
from smartcore.io.machines import MACHINES, Contents, Folder, Machine

if TYPE_CHECKING:
    from mudata import MuData

logger = logging.getLogger("smartcore")

_IMAGES = ("spatial/*.png", "spatial/*.jpg", "spatial/*.tif*", "spatial/*/*.png")

Images: TypeAlias = bool | Literal["try"]

_DEPTH = 2
"""How far below the folder that was given the machine's own may lie."""


def read_folder(
    path: str | Path,
    machine: str | None = None,
    *,
    spatial_key: str = _keys.SPATIAL,
    in_tissue: bool = True,
    images: Images = False,
    **choices: Any,
) -> MuData:
    r"""Read the output folder of a spatial machine.

    Log messages say what the folder was taken for, and what of it was left out and why.

    Parameters
    ----------
    path
        The folder as the machine's software wrote it, or one that holds it; packed (zip, tar) or
        not. Some machines write a single file, which is read, too.
    machine
        Its name, where the names of the files fit several; one of the table in docs/machines.md.
    spatial_key
        Where in ``obsm`` the coordinates go.
    in_tissue
        Leave out the spots that the folder marks as lying outside the tissue.
    images
        Keep Space Ranger's images of the tissue and their scale factors in ``uns["spatial"]`` of
        each modality, as scanpy does, for :func:`smartcore.pl.spatial` to draw. Scale factors are
        made to fit the unit of the coordinates (micrometres for Visium HD). ``"try"`` does
        without them, with a warning, where they cannot be read.
    **choices
        What a machine leaves open, such as ``bin=16`` for Visium HD; see docs/machines.md.

    Returns
    -------
    MuData
        Spots or cells × features of each modality ("rna", "protein", …), counts in ``X``,
        coordinates (x first) in ``obsm[spatial_key]`` of each modality and of the whole.
        ``uns["smart_folder"]`` says of which ``machine`` they are, the ``unit`` of the coordinates,
        the ``pixel_size`` (length of a pixel of the full-resolution image in that unit), the
        ``version`` of the software and the ``section_key`` (column of ``obs`` that tells several
        sections apart), as far as the folder tells them, what was ``left_out``, ``notes`` on places
        and values, and of which modalities the values are ``intensities`` rather than counts.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`, or a file that is needed is missing.
    ValueError
        If the folder is no machine's (the message lists what was looked for) or fits several, a
        file cannot be read or is of an unknown version, or a choice is none of the machine's.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from smartcore import io
    >>> with tempfile.TemporaryDirectory() as place:
    ...     (folder := Path(place) / "filtered_feature_bc_matrix").mkdir()
    ...     _ = (folder / "barcodes.tsv").write_text("AAAC-1\nAAAG-1\n")
    ...     _ = (folder / "features.tsv").write_text("g1\tSox17\tGene Expression\n")
    ...     head = "%%MatrixMarket matrix coordinate integer general\n"
    ...     _ = (folder / "matrix.mtx").write_text(head + "1 2 1\n1 2 7\n")
    ...     io.read_folder(place)["rna"].X.toarray()
    array([[0.],
           [7.]], dtype=float32)
    """
    folder = read_contents(
        path, machine, spatial_key=spatial_key, in_tissue=in_tissue, images=images, **choices
    )
    parts = unique_names_each(folder.modalities, source=str(path))
    return _as_mudata(replace(folder, modalities=parts), spatial_key)


def read_contents(
    path: str | Path,
    machine: str | None = None,
    *,
    spatial_key: str = _keys.SPATIAL,
    in_tissue: bool = True,
    images: Images = False,
    **choices: Any,
) -> Folder:
    """As :func:`read_folder`, before names are checked and the modalities are put together."""
    source = existing(path, "the output folder of a spatial machine")
    with _opened(source) as opened:
        found, contents = recognise(opened, machine)
        known = {choice.name for choice in found.choices}
        if unknown := sorted(set(choices) - known):
            raise ValueError(
                f"{', '.join(unknown)}: {found.name} has "
                + (f"only the choices {', '.join(sorted(known))}" if known else "no choices")
            )
        place = source / contents.root.relative_to(opened.root)
        logger.info("%s: taken for the output of %s", place, found.name)
        with names_checked_later():
            folder = found.read(contents, **choices)
            folder = _on_tissue(folder) if in_tissue else folder
        pictures = _pictures(folder, images)
        if not pictures and contents.find(*_IMAGES):
            how = " (images=True keeps them)" if folder.pictures and not images else ""
            there = f"The images in spatial/, which are for maps alone{how}."
            folder = replace(folder, left_out=(*folder.left_out, there))
    for adata in folder.modalities.values():
        adata.uns[_keys.FOLDER] = folder.summary()
        if pictures:
            adata.uns[_keys.SPATIAL] = pictures
        if spatial_key != _keys.SPATIAL and _keys.SPATIAL in adata.obsm:
            adata.obsm[spatial_key] = adata.obsm.pop(_keys.SPATIAL)
    _tell(folder, source)
    return folder


def _pictures(folder: Folder, images: Images) -> dict[str, Any]:
    """What goes to ``uns["spatial"]``."""
    place, pixel_size = folder.pictures, folder.pixel_size
    if not images or place is None or pixel_size is None or not (place / "spatial").is_dir():
        return {}
    try:
        return library_images(place, pixel_size)
    except (OSError, ValueError) as err:
        if images != "try":
            raise
        logger.warning("the map is drawn without the image of the tissue: %s", err)
        return {}


def is_folder(path: Path) -> bool:
    """Whether :func:`read_folder` reads it: a folder, an archive, or a machine's only file."""
    if path.is_dir():
        return not is_zarr(path)
    named = path.name.lower().endswith(SUFFIXES)
    return path.is_file() and (
        named or is_archive(path) or bool(_matching(Contents(path.parent, path)))
    )


def telling(folder: Path) -> list[Path]:
    """What of a folder, files or whole folders, tells of which machine it is."""
    marks = [mark for machine in MACHINES for mark in machine.marks]
    for level in _levels(Contents(folder)):
        if found := [(one.root, path) for one in level for path in one.find(*marks)]:
            return list({root / path.relative_to(root).parts[0]: None for root, path in found})
    return []


@contextmanager
def _opened(path: Path) -> Iterator[Contents]:
    if path.is_dir():
        yield Contents(path)
    elif is_archive(path):
        with unpacked(path) as folder:
            yield Contents(folder)
    elif path.name.lower().endswith(SUFFIXES):
        raise ValueError(f"{path} is no archive that can be opened: it is damaged or cut short")
    else:
        yield Contents(path.parent, path)


def recognise(contents: Contents, name: str | None = None) -> tuple[Machine, Contents]:
    """Say which machine wrote a folder, and which folder inside is the one.

    Raises
    ------
    ValueError
        If it is none's, or several fit.
    """
    candidates = [named(name)] if name is not None else list(MACHINES)
    for level in _levels(contents):
        fits = [(one, _matching(one, candidates)) for one in level]
        fits = [(one, machines) for one, machines in fits if machines]
        if len(fits) > 1:
            raise ValueError(
                f"{contents.given} holds several folders of machines: give those that you mean, "
                f"each by itself ({', '.join(str(one.given) for one, _ in fits)})"
            )
        if fits:
            ((one, machines),) = fits
            if len(machines) > 1:
                names = " and ".join(machine.name for machine in machines)
                raise ValueError(
                    f"{one.given} fits {names}: say which it is by machine={machines[0].name!r}, "
                    f"say; it holds {one.shown()}"
                )
            _check_alone(machines[0], one, candidates)
            return machines[0], one
    looked = "\n".join(f"  {machine.name}: {machine.needs}" for machine in candidates)
    raise ValueError(
        f"{contents.given} is not recognised as the output folder of a machine. It holds "
        f"{contents.shown()}. Looked for:\n{looked}"
    )


def _check_alone(machine: Machine, place: Contents, candidates: list[Machine]) -> None:
    """Refuse a folder that also has whole folders of other machines inside."""
    if place.only is not None:
        return
    others = {
        str(inside.given): other.name
        for inside in place.folders()
        for other in _matching(inside, candidates)
        if other is not machine and not other.last
    }
    if others:
        listed = ", ".join(f"{path} ({name})" for path, name in others.items())
        raise ValueError(
            f"{place.given} holds the output of {machine.name} beside folders of other machines: "
            f"{listed}. Give what you mean by itself, or say machine={machine.name!r}"
        )


def _levels(contents: Contents) -> Iterator[list[Contents]]:
    """The folder, then the folders inside it, and so on."""
    level = [contents]
    for _ in range(_DEPTH + 1):
        yield level
        level = [inside for one in level for inside in one.folders()]


def named(name: str) -> Machine:
    """The machine of that name, however it is written.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = [machine for machine in MACHINES if _plain(machine.name) == _plain(name)]
    if not found:
        raise ValueError(f"{name!r} is no machine; there are {', '.join(m.name for m in MACHINES)}")
    return found[0]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _matching(contents: Contents, candidates: list[Machine] | None = None) -> list[Machine]:
    found = [m for m in candidates or MACHINES if m.recognises(contents)]
    return [machine for machine in found if not machine.last] or found


def _on_tissue(folder: Folder) -> Folder:
    """Without the spots outside the tissue."""
    modalities, sentences = {}, []
    for name, adata in folder.modalities.items():
        try:
            keep = tissue_spots(adata.obs)
        except ValueError as err:
            raise ValueError(f"{name} of {', '.join(map(str, folder.used))}: {err}") from err
        if keep is None:
            modalities[name] = adata
            continue
        modalities[name] = adata[keep].copy()
        sentences.append(
            f"{(~keep).sum()} of {len(keep)} spots of {name}, which lie outside the tissue "
            "(in_tissue=False keeps them)."
        )
    return replace(folder, modalities=modalities, left_out=(*folder.left_out, *sentences))


def _tell(folder: Folder, source: Path) -> None:
    shapes = ", ".join(f"{n} ({a.n_obs} × {a.n_vars})" for n, a in folder.modalities.items())
    logger.info(
        "%s: %s%s: %s; %s",
        source,
        folder.machine,
        f" ({folder.version})" if folder.version else "",
        shapes,
        f"coordinates in {folder.unit}s"
        if folder.unit
        else "without coordinates, which add_coordinates gives them (--coords on the command line)",
    )
    for sentence in folder.left_out:
        logger.info("%s: left out: %s", source, sentence)
    for sentence in folder.notes:
        logger.info("%s: %s", source, sentence)


def _as_mudata(folder: Folder, spatial_key: str) -> MuData:
    import mudata

    with mudata.set_options(pull_on_update=False):
        data = mudata.MuData(dict(folder.modalities))
    data.uns[_keys.FOLDER] = folder.summary()
    if folder.section_key is not None:
        columns = {name: adata.obs[folder.section_key] for name, adata in folder.modalities.items()}
        first = next(iter(columns))
        sections = agreed(columns, folder.section_key, first).reindex(data.obs_names)
        data.obs[folder.section_key] = sections.astype(columns[first].dtype)
    places = [
        pd.DataFrame(adata.obsm[spatial_key], index=adata.obs_names)
        for adata in folder.modalities.values()
        if spatial_key in adata.obsm
    ]
    if places:
        joint = pd.concat(places)
        joint = joint[~joint.index.duplicated()].reindex(data.obs_names)
        data.obsm[spatial_key] = joint.to_numpy(np.float64)
    return data
