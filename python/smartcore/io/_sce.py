"""MuData and AnnData as R's objects: SingleCellExperiment and Seurat."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from smartcore import _keys
from smartcore._r import call_r, code_r, require_r
from smartcore.io._seurat import check_features, images_of
from smartcore.io._write import StagedFiles

if TYPE_CHECKING:
    from mudata import MuData


Kind = Literal["SingleCellExperiment", "Seurat"]


def write_rds(
    data: MuData | AnnData, path: str | Path, *, kind: Kind = "SingleCellExperiment"
) -> None:
    """Write an object as one of R's, replacing the file only when it is whole.

    Parameters
    ----------
    data
        The object. The first modality becomes the main experiment, the others its ``altExps``,
        each with all spots: where spots lack a modality, its values are 0 there, its logical
        column ``measured`` is FALSE, and a warning says so.
        ``X`` becomes the assay ``counts`` where it holds whole numbers, else ``X``; layers become
        assays of their names, ``obs`` and ``var`` ``colData`` and ``rowData``, ``obsm["X_name"]``
        the reduction ``name`` (``PCA``, ``UMAP``, ``TSNE`` in capitals, as usual in R).
        Coordinates become the reduction ``spatial``. Colours of categories
        (``uns["<column>_colors"]``) become an entry of that name in ``metadata``; the rest of
        ``uns``, ``obsp``, ``varm`` and ``varp`` are not written.
    path
        The ``.rds`` file.
    kind
        Class of the object in R. For ``"Seurat"`` each modality becomes an assay with raw counts
        (without layers beside them), ``obsm["X_name"]`` the reduction ``name``, or
        ``name.modality`` where it is of another modality than the first. Coordinates become a
        field of view for each value of ``obs["image"]``, or else for each section: of
        ``obs["section"]``, or of the column that the folder's reader noted in
        ``uns["smart_folder"]``. Their names are made names of R. Columns of ``obs`` that share
        their name with a reduction get ``_clusters`` behind it: domains in ``obs["smart"]`` are
        ``smart_clusters``, as after ``RunSMART()`` in R, and the identities. Colours are in
        ``Misc(object)``. Seurat writes ``-`` for ``_`` and ``|`` in names of features.

    Raises
    ------
    ImportError
        If R, rpy2, anndata2ri or the R package SingleCellExperiment is missing, or SeuratObject
        for ``kind="Seurat"``.
    ValueError
        If `path` does not end in ``.rds``, `kind` is not known, or `data` holds what R cannot,
        such as features that Seurat would call the same.
    TypeError
        If `data` is neither MuData nor AnnData.
    OSError
        As :func:`write_h5mu`.
    """
    import mudata

    if Path(path).suffix.lower() != ".rds":
        raise ValueError(f"{path} must end in .rds; got {Path(path).suffix or 'no suffix'!r}")
    if kind not in get_args(Kind):
        raise ValueError(
            f"kind={kind!r} is not known; use {' or '.join(map(repr, get_args(Kind)))}."
        )
    if isinstance(data, mudata.MuData):
        modalities, joint = dict(data.mod), data
    elif isinstance(data, AnnData):
        modalities, joint = {"rna": data}, None
    else:
        raise TypeError(f"data must be a MuData or an AnnData, not {type(data).__name__}")
    if not modalities:
        raise ValueError("data holds no modality")
    if kind == "Seurat":
        for name, adata in modalities.items():
            check_features(adata.var_names, name)
    packages = ["SingleCellExperiment", *(["SeuratObject"] if kind == "Seurat" else [])]
    require_r(packages, "writing .rds files")
    _require_anndata2ri()
    import rpy2.robjects as ro

    with StagedFiles() as staged:
        temporary = staged.stage(path)
        plain = {name: _for_r(adata, name, joint) for name, adata in modalities.items()}
        images = images_of(next(iter(plain.values())).obs, data.uns) if kind == "Seurat" else None
        experiments = {name: _to_experiment(adata) for name, adata in plain.items()}
        with ro.conversion.localconverter(ro.default_converter):
            listed = ro.ListVector(experiments)
            colours = ro.ListVector(_colours(data, modalities))
        # Of a single modality only its components are its own.
        shared = [key for key in data.obsm if joint is not None or not key.startswith(_keys.PCA)]
        points = [_r_name(key) for key in shared]
        domains = [f"{_keys.DOMAINS}_clusters", _keys.DOMAINS]
        given = (listed, kind, points, domains, colours, images)
        call_r(kind, Path(path), "write", str(temporary), *given)
        staged.commit()


def _colours(data: MuData | AnnData, modalities: dict[str, AnnData]) -> dict[str, Any]:
    """Column of ``obs`` → its colours as R's text, named by category."""
    import rpy2.robjects as ro

    found = {}
    for holder in (next(iter(modalities.values())), data):
        for key, values in holder.uns.items():
            column = str(key).removesuffix("_colors")
            if column == key or column not in data.obs:
                continue
            levels = getattr(data.obs[column], "cat", None)
            if levels is None:
                continue
            names = levels.categories.astype(str)
            if isinstance(values, Mapping):
                by_text = {str(name): value for name, value in values.items()}
                values = [by_text[name] for name in names if name in by_text]
            if len(names) != len(values):
                continue
            colours = ro.StrVector([str(value) for value in values])
            colours.names = ro.StrVector(names)
            found[column] = colours
    return found


def _r_name(key: str) -> str:
    """Name of a reduction for what is in ``obsm`` under `key`."""
    return key.removeprefix("X_").upper() if key.startswith("X_") else key


def _require_anndata2ri() -> None:
    try:
        import anndata2ri  # noqa: F401
    except ImportError as err:
        raise ImportError(
            f"writing .rds files needs anndata2ri (pip install 'spatialsmart[r]'): {err}"
        ) from err


def _to_experiment(plain: AnnData) -> Any:
    """SingleCellExperiment of a modality as :func:`_for_r` gives it."""
    import anndata2ri
    import rpy2.robjects as ro

    # R changes names that are none of R's: they are set again afterwards.
    names = [[str(name) for name in table] for table in (plain.obs, plain.var)]
    for table in (plain.obs, plain.var):
        table.columns = [f"c{i}" for i in range(table.shape[1])]
    with ro.conversion.localconverter(anndata2ri.converter) as converter:
        experiment = converter.py2rpy(plain)
    with ro.conversion.localconverter(ro.default_converter):
        return code_r().rx2("rename")(experiment, *map(ro.StrVector, names)).rx2("experiment")


def _for_r(adata: AnnData, name: str, joint: MuData | None) -> AnnData:
    """The part of a modality that R can hold, over all spots of the joint object."""
    adata = adata.to_memory() if adata.isbacked else adata
    spots = adata.obs_names if joint is None else joint.obs_names
    for what, names in (("spots", spots), (f"features of {name}", adata.var_names)):
        if not names.is_unique:
            twice = names[names.duplicated()][0]
            raise ValueError(f"names of {what} must be unique, but {twice!r} occurs more than once")
    rows = adata.obs_names.get_indexer(spots)
    obs = adata.obs.reindex(spots)
    if (rows < 0).any():
        warnings.warn(
            f"{(rows < 0).sum()} of {len(spots)} spots have no {name}: it is 0 there",
            UserWarning,
            stacklevel=4,
        )
        obs["measured"] = rows >= 0
    points = {key: _fill(value, rows, f"obsm[{key!r}]") for key, value in adata.obsm.items()}
    if joint is not None and name == next(iter(joint.mod)):
        own = [c for c in obs if c not in joint.obs or not _same(obs[c], joint.obs[c])]
        obs = joint.obs.join(obs[own], rsuffix=f"_{name}")
        points |= {
            key: _fill(value, np.arange(len(spots)), f"obsm[{key!r}]")
            for key, value in joint.obsm.items()
            if key not in joint.mod  # which spots a modality has
        }
    plain = AnnData(
        obs=_plain_columns(obs, f"obs of {name}"), var=_plain_columns(adata.var, f"var of {name}")
    )
    counts = adata.X is not None and "counts" not in adata.layers and _whole(adata.X)
    matrices = {"counts" if counts else "X": adata.X, **adata.layers}
    for key, matrix in matrices.items():
        if matrix is not None:
            plain.layers[key] = _spread(matrix, rows)
    for key, value in points.items():
        plain.obsm[_r_name(key)] = value
    return plain


def _same(a: pd.Series, b: pd.Series) -> bool:
    return a.astype(object).equals(b.astype(object))


def _whole(x: Any) -> bool:
    values = x.data if sp.issparse(x) else np.asarray(x)
    return bool(np.isfinite(values).all() and (values >= 0).all() and (values % 1 == 0).all())


def _spread(x: Any, rows: np.ndarray) -> Any:
    """Rows of a matrix, 0 where the row is -1; float64, as R has no other."""
    there = np.flatnonzero(rows >= 0)
    choose = sp.csr_matrix((np.ones(len(there)), (there, rows[there])), (len(rows), x.shape[0]))
    return (choose @ x).tocsr() if sp.issparse(x) else choose @ np.asarray(x, np.float64)


def _fill(x: Any, rows: np.ndarray, where: str) -> np.ndarray:
    try:
        values = np.asarray(x.toarray() if sp.issparse(x) else x, dtype=np.float64)
    except (TypeError, ValueError) as err:
        raise ValueError(f"{where} holds no numbers, which R's reductions must be: {err}") from err
    out = values[rows]
    out[rows < 0] = np.nan
    return out


def _plain_columns(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Columns of types that R has."""
    out = table.copy()
    for name in out:
        column = out[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            out[name] = column.cat.rename_categories(column.cat.categories.astype(str))
        elif pd.api.types.is_integer_dtype(column) and len(column.dropna()):
            if max(abs(int(column.min())), abs(int(column.max()))) >= 2**31:
                out[name] = column.astype(np.float64)
        elif (
            column.dtype == object
            and not column.map(
                lambda value: (
                    isinstance(value, str) or value is None or value is pd.NA or value != value
                )
            ).all()
        ):
            raise ValueError(f"column {name!r} of {where} holds other things than text or numbers")
    return out
