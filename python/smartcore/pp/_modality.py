"""The way from counts or other values to components, as far as all modalities share it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.given.feature_types import Kind
from smartcore.given.off_tissue import tissue_spots
from smartcore.pp._blocks import Blocks
from smartcore.pp._checks import flag, whole
from smartcore.pp._counts import Counts, get_counts, warn_of_empty
from smartcore.pp._join import Sections, join_sections, named_sections
from smartcore.pp._jointly import column_codes, share_out
from smartcore.pp._kept import of_that_kind, usable_features
from smartcore.pp._matrix import read_blocks
from smartcore.pp._pca import Components, principal_components
from smartcore.pp._values import Values, get_values
from smartcore.pp._write import write

logger = logging.getLogger(__name__)

_JOINED = "smart_joined_section"
"""Column of joined sections, which no section has: what users call a section is theirs."""


class Modality:
    """One modality of an object or of several sections: reads counts and writes components.

    Parameters
    ----------
    name
        Name of the modality in the record of the components.
    kind
        Whose features and controls are told by their types and names; ``None``: all features are
        used.
    feature
        Name of the features in messages: "gene", "protein", "peak" or "feature".
    data
        One object, or several sections, which are joined.
    by
        How to match the features of several sections, as for
        :func:`smartcore.pp.join_sections`.
    n_comps
        Number of components; ``None``: as many as there are, at most 30.
    layer, section_key, batch_key, align_sections, key_added, controls, check_counts, in_tissue
        As for :func:`smartcore.pp.rna`.
    seed, progress, copy
        As for :func:`smartcore.pp.rna`.

    Attributes
    ----------
    adata
        The object, or all sections as one.
    n_spots
        Spots that components are made of: those in the tissue.

    Raises
    ------
    KeyError
        If there is no such layer or column.
    ValueError
        If a setting is out of range, a spot has no section or batch, or sections share too few
        features.
    """

    def __init__(
        self,
        name: str,
        kind: Kind | None,
        feature: str,
        data: AnnData | Sections,
        *,
        by: Literal["name", "overlap"],
        layer: str | None,
        section_key: str | None,
        batch_key: str | None,
        align_sections: bool,
        n_comps: int | None,
        key_added: str,
        controls: bool,
        check_counts: bool,
        in_tissue: bool,
        seed: int,
        progress: bool,
        copy: bool,
    ) -> None:
        self._name, self._kind, self._feature = name, kind, feature
        self._align = flag("align_sections", align_sections)
        self._n_comps, self._seed = n_comps, whole("seed", seed, 0)
        self._check, self._progress = check_counts, progress
        self._layer, self._key, self._copy = layer, key_added, copy
        self._sections: dict[str, AnnData] | None = None
        self._as_dict = isinstance(data, Mapping)
        if isinstance(data, Mapping | Sequence):
            self._sections = named_sections(data)
            _check_batch_columns(self._sections, batch_key)
            section_key = _JOINED
            parts = self._sections if kind is None else of_that_kind(self._sections, kind)
            self.adata = join_sections(parts, by=by, layer=layer, section_key=section_key)
        else:
            self.adata = data
        if not isinstance(self.adata, AnnData):
            raise TypeError(
                f"An AnnData is needed, not {type(data).__name__}; of a MuData give one modality, "
                "such as mdata['rna']."
            )
        if self.adata.isbacked and self.adata.is_view and not copy:
            raise ValueError(
                "A view of backed data cannot be written to: load it by .to_memory(), or give the "
                "whole object."
            )
        self._controls = flag("controls", controls)
        self._keys = {"section_key": section_key, "batch_key": batch_key}
        rows = tissue_spots(self.adata.obs) if flag("in_tissue", in_tissue) else None
        if rows is not None:
            logger.info(
                "%d of %d spots lie outside the tissue (obs['in_tissue'] is 0) and are left out; "
                "in_tissue=False uses them.",
                (~rows).sum(),
                len(rows),
            )
        self._use(rows)

    def _use(self, rows: NDArray[np.bool_] | None) -> None:
        """Make components of these spots alone; ``None``: of all."""
        self._rows = rows
        spots = self.adata if rows is None else self.adata[rows]
        self._spots = spots
        self._codes = column_codes(spots, self._keys["section_key"], "sections")
        batches = column_codes(spots, self._keys["batch_key"], "batches")
        self._batches = self._codes if batches is None else batches

    @property
    def n_spots(self) -> int:
        """Spots that components are made of."""
        return int(self._spots.n_obs)

    def counts(self, min_spots: int, *, moments_by_section: bool = False) -> Counts:
        """Counts, checked, with the features in ``min_spots`` spots or more marked for use."""
        keep = usable_features(self.adata, self._kind, controls=self._controls)
        return get_counts(
            self._spots,
            keep=keep,
            layer=self._place,
            what=self._feature,
            min_spots=min_spots,
            check=self._check,
            progress=self._progress,
            codes=self._codes if moments_by_section else None,
        )

    def values(self, *, refuse_negative: str | None, zeros_are_values: bool) -> Values:
        """Values that are no counts, checked, of the spots that were measured.

        Parameters
        ----------
        refuse_negative, zeros_are_values
            As for :func:`~smartcore.pp._values.get_values`.

        Warns
        -----
        UserWarning
            If spots were not measured; no components are made of them.
        """
        found = get_values(
            self._spots,
            layer=self._place,
            what=self._feature,
            refuse_negative=refuse_negative,
            zeros_are_values=zeros_are_values,
            progress=self._progress,
        )
        measured = found.measured
        if measured.all():
            return found
        warnings.warn(
            f"{(~measured).sum()} of {len(measured)} spots have no values of this modality: they "
            "are taken as not measured there, and their components are NaN.",
            stacklevel=3,
        )
        rows = np.ones(self.adata.n_obs, bool) if self._rows is None else self._rows.copy()
        rows[rows] = measured
        self._use(rows)
        blocks, _ = read_blocks(
            self._spots, self._place, self._feature, needed="values", progress=self._progress
        )
        return Values(blocks, measured[measured], found.totals[measured])

    @property
    def _place(self) -> str | None:
        """Layer of the values: joined sections have them in X."""
        return self._layer if self._sections is None else None

    @property
    def batches(self) -> NDArray[np.intp] | None:
        """Batch, or section, of each spot, within which features are centred and scaled."""
        return self._batches if self._align else None

    @property
    def groups(self) -> str:
        """What :attr:`batches` are, in messages."""
        return "sections" if self._keys["batch_key"] is None else "batches"

    def write_components(
        self,
        x: Blocks,
        columns: NDArray[np.intp],
        *,
        scale: bool,
        empty: NDArray[np.bool_],
        settings: Mapping[str, Any],
        highly_variable: NDArray[np.intp] | None = None,
        tell_constant: bool = False,
    ) -> AnnData | Sections | None:
        """Write principal components of the transformed values, and how they were made.

        Parameters
        ----------
        x
            Spots × features, transformed.
        columns
            Column of the object for each of ``x``.
        scale
            Scale each feature to variance 1.
        empty
            Spots without counts, of which a warning tells; their components are NaN.
        settings
            Of the transformation, for the record.
        highly_variable
            Columns of the object that are highly variable.
        tell_constant
            Log how many features do not vary.

        Returns
        -------
        ``None``, or if copies are wanted the changed copy of ``data``, in the form given.
        """
        warn_of_empty(int(empty.sum()), len(empty), self._feature)
        components = principal_components(
            x,
            self._n_comps,
            scale=scale,
            what=self._feature,
            seed=self._seed,
            codes=self.batches,
            groups=self.groups,
        )
        components.scores[empty] = np.nan
        unused = int((~components.loadings.any(axis=1)).sum())
        if tell_constant and unused:
            logger.info(
                "%d of %d %ss do not vary and are not used.", unused, x.shape[1], self._feature
            )
        return self.write(components, columns, settings, highly_variable)

    def write(
        self,
        components: Components,
        columns: NDArray[np.intp],
        settings: Mapping[str, Any],
        highly_variable: NDArray[np.intp] | None = None,
    ) -> AnnData | Sections | None:
        """Write components; arguments and result as of :meth:`write_components`."""
        if self._rows is not None:
            scores = np.full((self.adata.n_obs, components.scores.shape[1]), np.nan, np.float32)
            scores[self._rows] = components.scores
            components = replace(components, scores=scores)
        keys = {name: key for name, key in self._keys.items() if key is not None}
        if self._sections is not None:
            keys["section_key"] = _keys.SECTION
        record = dict(settings) | keys
        if keys:
            record["align_sections"] = self._align
        if self._sections is not None:
            record["sections"] = np.array(list(self._sections))
        out = write(
            self.adata,
            components,
            columns,
            self._key,
            self._copy and self._sections is None,
            self._name,
            self._layer,
            record,
            highly_variable,
        )
        if self._sections is None:
            return out
        parts = share_out(self.adata, self._sections, self._key, self._copy)
        if not self._copy:
            return None
        return parts if self._as_dict else list(parts.values())


def _check_batch_columns(sections: Mapping[str, AnnData], key: str | None) -> None:
    """Refuse a section without the column, which joined ones would only lack values of."""
    if key is None:
        return
    for name, part in sections.items():
        if isinstance(part, AnnData) and key not in part.obs:
            raise KeyError(
                f"Section {name!r} has no obs[{key!r}] for the batches; its obs has "
                f"{sorted(part.obs)}."
            )
