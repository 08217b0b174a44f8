"""Bars and boxes by domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from smartcore._keys import DOMAINS, SECTION
from smartcore.given.aligned import aligned
from smartcore.metrics._labels import Labels

from ._axes import axes, category_legend, legend, tilt
from ._colors import MISSING, PALETTE, Categories, Palette, categorize
from ._data import colors_of, values_of
from ._together import together

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._sections import Sections


def modality_correlation(
    correlations: pd.DataFrame, labels: Labels, ax: Axes | None = None
) -> Axes:
    """Which modality drives which domain: a box per domain and modality.

    Parameters
    ----------
    correlations
        One row per spot, one column per modality, as `smartcore.metrics.modality_correlation`
        gives them. NaN are left out.
    labels
        Domain of each spot: a Series by the names of the spots, or an array in the same order. Spots
        without one are left out.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    The Axes. A box spans the quartiles, its line is the median, whiskers reach to the farthest
    spot within 1.5 times the box's length.

    Raises
    ------
    TypeError
        If `correlations` is no DataFrame, or `ax` is no Axes.
    ValueError
        If the lengths differ or nothing is left to draw.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"rna": [0.9, 0.8, 0.1, 0.2], "protein": [0.3, 0.2, 0.7, 0.8]})
    >>> ax = modality_correlation(table, ["a", "a", "b", "b"])
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['a', 'b']
    """
    if not isinstance(correlations, pd.DataFrame):
        raise TypeError(
            "correlations must be a DataFrame with a column per modality, "
            f"not {type(correlations).__name__}"
        )
    correlations, labels = aligned(correlations=correlations, labels=labels)
    groups = categorize(pd.Series(labels, name="labels").reset_index(drop=True), None)
    if len(groups.codes) != len(correlations):
        raise ValueError(
            f"correlations has {len(correlations)} rows and labels {len(groups.codes)}: "
            "give both for the same spots, in the same order"
        )
    values = correlations.to_numpy(dtype=np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    if not (np.isfinite(values).any(axis=1) & (groups.codes >= 0)).any():
        raise ValueError("nothing to draw: no spot has both a label and a correlation")

    n_groups, n_modalities = len(groups.present), correlations.shape[1]
    ax = axes(ax, (max(5.0, 1.5 + 0.25 * n_groups * (n_modalities + 1)), 4.0))
    width = 0.8 / n_modalities
    for m in range(n_modalities):
        boxes = [values[groups.codes == code, m] for code in groups.present]
        boxes = [box[np.isfinite(box)] for box in boxes]
        drawn = [i for i, box in enumerate(boxes) if len(box)]
        color = PALETTE[m % len(PALETTE)]
        ax.boxplot(
            [boxes[i] for i in drawn],
            positions=[i + (m - (n_modalities - 1) / 2) * width for i in drawn],
            widths=0.85 * width,
            manage_ticks=False,
            patch_artist=True,
            boxprops={"facecolor": color, "linewidth": 0.8},
            medianprops={"color": "black", "linewidth": 1.4},
            whiskerprops={"linewidth": 0.8},
            capprops={"linewidth": 0.8},
            flierprops={
                "marker": ".",
                "markersize": 3,
                "markerfacecolor": color,
                "markeredgecolor": "none",
                "rasterized": True,
            },
        )
    ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    ax.set(xlim=(-0.6, n_groups - 0.4), ylabel="Correlation of distances", xlabel="Domain")
    _name_ticks(ax, [str(groups.names[code]) for code in groups.present])
    legend(
        ax,
        list(correlations.columns),
        [PALETTE[m % len(PALETTE)] for m in range(n_modalities)],
        "Modality",
    )
    return ax


def domain_sizes(
    data: Sections,
    color: str = DOMAINS,
    ax: Axes | None = None,
    *,
    section_key: str | None = None,
    palette: Palette = None,
) -> Axes:
    """Number of spots in each domain, or each section's share of every domain.

    Parameters
    ----------
    data
        AnnData or MuData; or a list or dict of such, one for each section, of which proportions
        are drawn.
    color
        Column of ``obs`` with the domains, in natural order; integers are names here.
    ax
        Where to draw; None makes a figure.
    section_key
        Column of ``obs`` with the section of each spot: draws one stacked bar per section, the
        proportions of its spots. None draws counts of all spots.
    palette
        Colours of the domains, as in `spatial`.

    Returns
    -------
    The Axes. Spots without a domain are a grey bar.

    Raises
    ------
    TypeError
        If `data` is neither AnnData nor MuData, or `ax` is no Axes.
    KeyError
        If `color` or `section_key` is not there; the message lists what is.
    ValueError
        If a spot has no section, or `palette` does not fit.

    Examples
    --------
    >>> from smartcore.datasets import tri_omics
    >>> ax = domain_sizes(tri_omics((12, 12), n_genes=20, modalities=["rna"]), "domain")
    >>> [int(bar.get_height()) for bar in ax.patches]
    [48, 20, 32, 24, 20]
    """
    if isinstance(data, Mapping | Sequence) and not isinstance(data, str):
        spots = together(data, color, section_key or SECTION)
        domains = categorize(spots.obs[color], palette, spots.uns.get("colors"))
        sections = categorize(spots.obs[SECTION], None)
        return _proportions(ax, domains, sections, color, section_key or SECTION)
    domains = categorize(values_of(data, color), palette, colors_of(data, color))
    if section_key is not None:
        sections = categorize(values_of(data, section_key), None)
        if sections.any_missing:
            n_missing = int((sections.codes < 0).sum())
            raise ValueError(f"obs[{section_key!r}] is missing for {n_missing} spots")
        return _proportions(ax, domains, sections, color, section_key)

    codes = [*domains.present, *([-1] if domains.any_missing else [])]
    names = ["missing" if code < 0 else str(domains.names[code]) for code in codes]
    ax = axes(ax, (max(4.0, 1.0 + 0.5 * len(codes)), 3.5))
    bars = ax.bar(
        range(len(codes)),
        [int((domains.codes == code).sum()) for code in codes],
        color=[MISSING if code < 0 else domains.colors[code] for code in codes],
    )
    ax.set_xlim(-0.6, len(codes) - 0.4)
    ax.bar_label(bars, fontsize="small", padding=1)
    ax.set(xlabel=color, ylabel="Number of spots")
    _name_ticks(ax, names)
    return ax


def _proportions(
    ax: Axes | None, domains: Categories, sections: Categories, color: str, section_key: str
) -> Axes:
    codes = [*domains.present, *([-1] if domains.any_missing else [])]
    table = np.array(
        [
            [(domains.codes[sections.codes == s] == c).mean() for s in sections.present]
            for c in codes
        ]
    )
    ax = axes(ax, (max(4.0, 2.5 + 0.5 * len(sections.present)), 4.0))
    bottoms = 1 - np.cumsum(table, axis=0)  # from the top, in the order of the legend
    for code, heights, bottom in zip(codes, table, bottoms, strict=True):
        face = MISSING if code < 0 else domains.colors[code]
        ax.bar(range(len(heights)), heights, bottom=bottom, color=face, width=0.8)
    ax.set(xlabel=section_key, ylabel="Proportion of spots", ylim=(0, 1))
    ax.set_xlim(-0.6, len(sections.present) - 0.4)
    _name_ticks(ax, [str(sections.names[s]) for s in sections.present])
    category_legend(ax, domains, color)
    return ax


def _name_ticks(ax: Axes, names: list[str]) -> None:
    ax.set_xticks(range(len(names)), names)
    ax.spines[["top", "right"]].set_visible(False)
    tilt(ax, names)
