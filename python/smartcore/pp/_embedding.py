"""Vectors that were made elsewhere, such as features of images or topics."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from smartcore import _keys
from smartcore.pp._centred import centred_features
from smartcore.pp._checks import named, steps_among, whole
from smartcore.pp._join import Sections, named_sections
from smartcore.pp._modality import Modality

logger = logging.getLogger(__name__)

Vectors: TypeAlias = str | pd.DataFrame | Mapping[str, pd.DataFrame] | Sequence[pd.DataFrame]

STEPS = ("scale",)
"""Steps of the normalisation."""


def embedding(
    adata: AnnData | Sections,
    vectors: Vectors | None = None,
    *,
    steps: Sequence[Literal["scale"]] | Literal["none"] = (),
    section_key: str | None = None,
    batch_key: str | None = None,
    align_sections: bool = True,
    n_comps: int = 30,
    name: str = "embedding",
    key_added: str = _keys.PCA,
    in_tissue: bool = True,
    seed: int = 0,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | Sections | None:
    """Vectors that are ready, one for each spot, as a modality.

    Such as features of the histology under each spot from a foundation model, or topics of
    chromatin. Each dimension is centred. Vectors of more than ``n_comps`` dimensions are reduced
    by PCA; others keep their dimensions.

    Parameters
    ----------
    adata
        The spots; or several sections as a list or dict, whose vectors are of the same dimensions.
    vectors
        Key in ``obsm``; or a table whose index has the names of the spots, all columns numbers (for
        sections a list or dict of tables); ``None``: ``X``. Spots that are not in the table, or
        whose values are all NaN, were not measured.
    steps
        ``"scale"``: each dimension to variance 1, for dimensions in different units. By default
        they keep their spread, since the distances between such vectors have a meaning.
    section_key, batch_key, align_sections
        As for :func:`rna`.
    n_comps
        Most dimensions that are kept.
    name, key_added, in_tissue, seed, progress, copy
        As for :func:`features`.

    Returns
    -------
    ``None`` or the copy (list or dict as given), with ``obsm[key_added]`` (n_spots, at most
    n_comps) float32 and ``uns["pca"]``; with ``varm["PCs"]`` where the vectors are in ``X``.
    Dimensions that do not vary are left out, and components of spots that were not measured are
    NaN.

    Raises
    ------
    ValueError
        If values are infinite, a measured spot has NaN, the table has none of the spots or a column
        that is no numbers, sections have vectors of different dimensions, or none varies.
    KeyError
        If there is no such key or column.

    Examples
    --------
    >>> import numpy as np
    >>> import smartcore as sm
    >>> adata = sm.datasets.tri_omics((12, 12)).mod["rna"]
    >>> adata.obsm["UNI"] = np.random.default_rng(0).normal(size=(144, 1024))
    >>> sm.pp.embedding(adata, "UNI", key_added="X_image")
    >>> adata.obsm["X_image"].shape
    (144, 30)
    """
    taken, n_comps = steps_among(STEPS, steps), whole("n_comps", n_comps)
    parts, tables = _parts(adata, vectors)
    # Vectors in X are worked on where they are.
    held = parts if vectors is None else _with_vectors(parts, tables)
    widths = {section: part.n_vars for section, part in held.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(
            f"Vectors of the sections have different numbers of dimensions ({widths}): they must be "
            "of one and the same model."
        )
    many = isinstance(adata, Mapping | Sequence)
    if many:
        check_dimensions(held)
    modality = Modality(
        named(name),
        None,
        "dimension",
        adata if vectors is None else held if many else held[""],
        by="name",
        layer=None,
        section_key=section_key,
        batch_key=batch_key,
        align_sections=align_sections,
        n_comps=n_comps,
        key_added=key_added,
        controls=True,
        check_counts=False,
        in_tissue=in_tissue,
        seed=seed,
        progress=progress,
        copy=copy and vectors is None,
    )
    x = modality.values(refuse_negative=None, zeros_are_values=True).blocks
    reduced, scale = x.shape[1] > n_comps, "scale" in taken
    settings: dict[str, Any] = {
        "steps": np.array(taken, object),
        "vectors": vectors if isinstance(vectors, str) else "X" if vectors is None else "a table",
        "reduced": reduced,
    }
    columns = np.arange(x.shape[1])
    if reduced:
        done = modality.write_components(
            x,
            columns,
            scale=scale,
            empty=np.zeros(modality.n_spots, bool),
            settings=settings,
            tell_constant=True,
        )
    else:
        components = centred_features(x, scale=scale, codes=modality.batches)
        done = modality.write(components, columns, settings)
    if vectors is None:
        return done
    out = parts
    if copy:
        out = {
            section: part.to_memory() if part.isbacked else part.copy()
            for section, part in parts.items()
        }
    for section, part in out.items():
        part.obsm[key_added] = held[section].obsm[key_added]
        part.uns["pca"] = held[section].uns["pca"]
    if not copy:
        return None
    return out[""] if not many else out if isinstance(adata, Mapping) else list(out.values())


def _with_vectors(parts: Mapping[str, AnnData], tables: Mapping[str, Any]) -> dict[str, AnnData]:
    """The spots of each section with their vectors in X."""
    held = {}
    for section, part in parts.items():
        where = f"section {section!r}: " if section else ""
        held[section] = _held(part, tables[section], where)
    return held


def check_dimensions(sections: Mapping[str, AnnData]) -> None:
    """Refuse vectors of which a section has other dimensions: those shared would be left over."""
    dimensions = {name: set(part.var_names) for name, part in sections.items()}
    first = next(iter(dimensions.values()))
    if odd := [name for name, own in dimensions.items() if own != first]:
        raise ValueError(
            f"Vectors of section {odd[0]!r} have other dimensions than those of "
            f"{next(iter(dimensions))!r} ({len(dimensions[odd[0]])} and {len(first)}): they must be "
            "of one and the same model, and their dimensions have the same names."
        )


def _parts(
    adata: AnnData | Sections, vectors: Vectors | None
) -> tuple[dict[str, AnnData], Mapping[str, Any]]:
    """Each section with what holds its vectors; one object has the name ""."""
    if isinstance(adata, Mapping | Sequence) and not isinstance(adata, str):
        parts = named_sections(adata)
        if vectors is None or isinstance(vectors, str):
            tables: Mapping[str, Any] = dict.fromkeys(parts, vectors)
        elif isinstance(vectors, pd.DataFrame):
            raise TypeError("vectors must be a list or dict of tables, one for each section.")
        else:
            tables = named_sections(vectors)
        if list(tables) != list(parts):
            raise ValueError(
                f"vectors has tables of sections {list(tables)}, but the sections are "
                f"{list(parts)}."
            )
    else:
        if vectors is not None and not isinstance(vectors, str | pd.DataFrame):
            raise TypeError(
                f"vectors must be a key in obsm or a table, not {type(vectors).__name__}."
            )
        parts, tables = {"": adata}, {"": vectors}
    for part in parts.values():
        if not isinstance(part, AnnData):
            raise TypeError(f"An AnnData is needed, not {type(part).__name__}.")
    return parts, tables


def _held(adata: AnnData, vectors: str | pd.DataFrame, where: str) -> AnnData:
    """Vectors of the spots, in their order; dimensions by the names that a table gives them."""
    if isinstance(vectors, str):
        if vectors not in adata.obsm:
            raise KeyError(
                f"{where}No obsm[{vectors!r}]; obsm has {sorted(adata.obsm) or 'nothing'}."
            )
        held = adata.obsm[vectors]
        if not isinstance(held, pd.DataFrame):
            values = held if sp.issparse(held) else np.asarray(held)
            return AnnData(values[:, None] if values.ndim == 1 else values, obs=adata.obs)
        table = held
    else:
        table = _of_spots(vectors, adata, where)
    if wrong := [str(name) for name, kind in table.dtypes.items() if kind.kind not in "fiub"]:
        raise ValueError(
            f"{where}Columns of the table of vectors hold no numbers: {', '.join(wrong[:3])}"
            f"{', …' if len(wrong) > 3 else ''}. Remove them, or make one of them the index."
        )
    var = pd.DataFrame(index=table.columns.astype(str))
    return AnnData(table.to_numpy(np.float32), obs=adata.obs, var=var)


def _of_spots(table: pd.DataFrame, adata: AnnData, where: str) -> pd.DataFrame:
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()]
        raise ValueError(f"{where}The table of vectors has {twice[0]!r} more than once.")
    there = adata.obs_names.isin(table.index)
    if not there.any():
        raise ValueError(
            f"{where}The table of vectors has none of the spots: its index has "
            f"{', '.join(map(repr, table.index[:2]))}, the spots are "
            f"{', '.join(map(repr, adata.obs_names[:2]))}."
        )
    if left := len(table) - int(there.sum()):
        logger.info("%s%d of %d vectors are of other spots and not used.", where, left, len(table))
    return table.reindex(adata.obs_names)
