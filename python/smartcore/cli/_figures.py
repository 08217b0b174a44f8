"""The figures of a run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore import _keys
from smartcore.cli._images import add_images
from smartcore.cli._maps import DOMAIN, TRUTH, blank, maps
from smartcore.cli._summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

logger = logging.getLogger("smartcore")

NAMES = ("domains", "umap", "losses", "scales", "modalities", "sizes", "truth")
"""All figures that a run may have; each is a file ``out_NAME.png``."""

DPI = 200
"""Resolution of the figures, in dots per inch."""

MAX_SPOTS = 20_000
"""Spots at most of which UMAP, and what the embedding follows, are computed, unless told otherwise."""

_UMAP_NEIGHBORS = 15
# Of these a correlation of distances is told to within 0.02.
_N_REFERENCE = 2_000


@contextmanager
def one_figure(name: str) -> Iterator[None]:
    """Go on with a warning where a figure cannot be drawn: the results are there without it."""
    try:
        yield
    except Exception as err:
        logger.debug("figure %s", name, exc_info=True)
        logger.warning("the figure %r could not be made: %s (-v shows where)", name, err)


def draw(
    data: Any,
    summary: Summary,
    *,
    seed: int,
    max_spots: int | None = MAX_SPOTS,
    images: bool = False,
    outlines: pd.DataFrame | None = None,
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """The figures that the result allows, to be drawn one after the other.

    Parameters
    ----------
    data
        AnnData or MuData with the embedding and its history.
    summary
        Domains, coordinates and so on of `data`.
    seed
        Of UMAP, and of the spots that are drawn for it.
    max_spots
        Spots at most of which UMAP, and what the embedding follows, are computed; None: all.
    images
        Whether the coordinates are those of the images in ``uns["spatial"]``, on which the maps
        are then drawn.
    outlines
        Outlines of the cells, by name, which the maps then show in place of spots.

    Yields
    ------
    tuple
        Name, one of :data:`NAMES`, and what draws the figure.
    """
    spots = _spots_only(summary)
    if images:
        add_images(spots, data)
    yield "domains", partial(maps, spots, {DOMAIN: "Domains"}, summary.sections, outlines)
    if summary.truth is not None:
        yield "truth", partial(_truth, spots, summary, outlines)
    if spots.n_obs > _UMAP_NEIGHBORS:
        yield "umap", partial(_umap, spots, summary, seed, max_spots)
    else:
        logger.warning("no UMAP is drawn of %d spots; it needs more", spots.n_obs)
    if len(data.uns[_keys.RESULT]["history"]["epoch"]):
        yield "losses", partial(_losses, data)
    if len(data.uns[_keys.RESULT]["scales"]):
        yield "scales", partial(_scales, data)
    if len(summary.features) > 1:
        yield "modalities", partial(_modalities, spots, summary, seed, max_spots)
    yield "sizes", partial(_sizes, spots, summary)


def _truth(spots: AnnData, summary: Summary, outlines: pd.DataFrame | None) -> Figure:
    titles = {TRUTH: "Annotation", DOMAIN: "Domains"}
    if summary.scores is not None:
        whole = "" if summary.sections is None else " of all sections"
        titles[DOMAIN] += f" (ARI{whole} {summary.scores['ari']:.2f})"
    return maps(spots, titles, summary.sections, outlines)


def _umap(spots: AnnData, summary: Summary, seed: int, max_spots: int | None) -> Figure:
    from smartcore import pl

    settings: dict[str, Any] = {
        "n_neighbors": _UMAP_NEIGHBORS,
        "seed": seed,
        "max_spots": max_spots,
    }
    if summary.sections is not None:
        return _of(pl.umap_sections(spots, DOMAIN, **settings)[0])
    figure, (ax,) = blank(1, 1)
    pl.umap(spots, DOMAIN, ax=ax, title="Embedding", **settings)
    return figure


def _losses(data: Any) -> Figure:
    from smartcore import pl

    panels = pl.losses(data)
    panels[0].set_title("Training")
    return _of(panels[0])


def _scales(data: Any) -> Figure:
    from smartcore import pl

    ax = pl.scales(data)
    ax.set_title("How widely spots are averaged")
    return _of(ax)


def _modalities(spots: AnnData, summary: Summary, seed: int, max_spots: int | None) -> Figure:
    from smartcore import metrics, pl
    from smartcore.pl._sample import strata, stratified

    title, rows = "Which modality the embedding follows", np.arange(spots.n_obs)
    if max_spots is not None and spots.n_obs > max_spots:
        measured = [pd.Series(~np.isnan(x).any(axis=1)) for x in summary.features.values()]
        rows = stratified(strata(summary.domains, *measured), max_spots, seed)
        title += f"\n({max_spots:,} of {spots.n_obs:,} spots)"
    features = {name: x[rows] for name, x in summary.features.items()}
    table = metrics.modality_correlation(
        spots.obsm[_keys.EMBEDDING][rows], features, n_reference=_N_REFERENCE, seed=seed
    )
    ax = pl.modality_correlation(table, summary.domains.iloc[rows])
    ax.set_title(title)
    return _of(ax)


def _sizes(spots: AnnData, summary: Summary) -> Figure:
    from smartcore import pl

    ax = pl.domain_sizes(
        spots, DOMAIN, section_key=None if summary.sections is None else _keys.SECTION
    )
    ax.set_title("Sizes of domains")
    return _of(ax)


def _spots_only(summary: Summary) -> AnnData:
    """The spots with what the figures show, labels as text whatever their type."""
    obs = pd.DataFrame({DOMAIN: pd.Categorical(summary.domains)}, index=summary.domains.index)
    if summary.truth is not None:
        known = summary.truth.notna()
        obs[TRUTH] = pd.Categorical(summary.truth.where(known).map(str, na_action="ignore"))
    if summary.sections is not None:
        obs[_keys.SECTION] = pd.Categorical(summary.sections.map(str))
    return AnnData(
        obs=obs,
        obsm={
            _keys.SPATIAL: summary.coordinates.to_numpy(),
            _keys.EMBEDDING: summary.embedding,
        },
    )


def _of(ax: Axes) -> Figure:
    figure: Any = ax.get_figure()
    return figure
