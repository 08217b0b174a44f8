"""Serial sections one above the other, in three dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smartcore._keys import DOMAINS, SECTION, SPATIAL

from ._axes import check_opacity, paint
from ._colors import Palette, categorize
from ._lattice import lattice
from ._spots import RASTERIZE
from ._together import together

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._together import Sections

_HEIGHT = 0.8
"""Height of a stack that is stretched by itself, relative to the longer side of its sections."""


def sections_3d(
    data: Sections,
    color: str = DOMAINS,
    *,
    section_key: str = SECTION,
    spatial_key: str = SPATIAL,
    spacing: float | Mapping[str, float] | None = None,
    stretch: float | None = None,
    elevation: float = 25.0,
    azimuth: float = -60.0,
    size: float | None = None,
    alpha: float = 1.0,
    palette: Palette = None,
    title: str | None = None,
    legend: bool = True,
    invert_y: bool = True,
) -> Axes:
    """Serial sections stacked by z, seen from the side.

    Spots that are nearer to the viewer hide those behind them. A unit of x is as long as one of
    y; z may be stretched, since sections are often thinner than spots are apart.

    Parameters
    ----------
    data
        AnnData or MuData with a section column; or a list or dict of such, one for each section.
    color
        As in :func:`spatial`.
    section_key
        Column of ``obs`` with the section of each spot, for a single object.
    spatial_key
        Coordinates in ``obsm``: x, y and, unless `spacing` says where sections lie, z.
    spacing
        Where sections lie in z, in units of the coordinates: the distance from each to the next,
        in natural order or that of the list; or a mapping from section to z. None takes the
        third coordinate.
    stretch
        How many times as long as a unit of x one of z is drawn. None: 1, or as much as makes the
        stack 0.8 times as high as its sections are long, if it is lower. Where it is not 1, the
        label of the z axis says it.
    elevation, azimuth
        Direction to look from, in degrees: above the plane of the sections, and around z.
        ``elevation=90, azimuth=-90`` shows them from above, as :func:`spatial` does.
    size
        Width of a spot in units of the coordinates, in the middle of the stack; None takes the
        step of the layout, as :func:`spatial`.
    alpha
        Opacity of the spots, from 0 to 1.
    palette, title, legend, invert_y
        As in :func:`spatial`.

    Returns
    -------
    The Axes, in three dimensions and in a figure of its own. Its collection holds the spots.

    Raises
    ------
    TypeError
        If `data` is something else.
    KeyError
        If `color`, `section_key` or `spatial_key` is not there, or `spacing` lacks a section; the
        message lists what is.
    ValueError
        If there is no z, coordinates are missing, or `spacing`, `stretch`, `size` or `alpha` is out
        of range.

    Examples
    --------
    >>> from smartcore.datasets import sections
    >>> slides = sections([(8, 8)] * 3, n_genes=20, modalities=["rna"])
    >>> ax = sections_3d(slides, "domain", spacing=2)
    >>> [float(z) for z in ax.get_zticks()]
    [0.0, 2.0, 4.0]
    """
    from matplotlib.figure import Figure

    check_opacity(alpha=alpha)
    for name, value in (("stretch", stretch), ("size", size)):
        if value is not None and not 0 < float(value) < np.inf:
            raise ValueError(f"{name} must be positive, not {value}")
    spots = together(data, color, section_key, spatial_key=spatial_key)
    coords = _placed(spots.obsm[SPATIAL], spots.obs[SECTION], spacing, spatial_key)
    steps = [
        lattice(coords[(spots.obs[SECTION] == name).to_numpy(), :2])[0]
        for name in spots.obs[SECTION].unique()
    ]
    width = float(np.median(steps)) if size is None else float(size)
    low, high = coords.min(axis=0), coords.max(axis=0)
    low[:2], high[:2] = low[:2] - width, high[:2] + width
    flat, height = (high - low)[:2].max(), high[2] - low[2]
    if stretch is None:
        stretch = max(1.0, _HEIGHT * flat / height) if height > 0 else 1.0
    pad = 0.0 if height > 0 else 0.05 * flat  # a single section is no box otherwise
    figure = Figure(figsize=(8.0, 6.0))
    box = (0.0, 0.02, 0.78, 0.96)  # the legend is right of it
    ax: Any = figure.add_axes(box, projection="3d", computed_zorder=False)
    ax.set_proj_type("ortho")  # so that sections below are not drawn smaller
    ax.view_init(elev=elevation, azim=azimuth)
    ax.set(
        xlim=(low[0], high[0]),
        ylim=(high[1], low[1]) if invert_y else (low[1], high[1]),
        zlim=(low[2] - pad, high[2] + pad),
        xlabel=f"{spatial_key} 1",
        ylabel=f"{spatial_key} 2",
        zlabel="z" if stretch == 1 else f"z (drawn {stretch:.3g} times as long)",
        xticks=[],
        yticks=[],
    )
    levels = np.unique(coords[:, 2])
    if len(levels) <= 12:
        ax.set_zticks(levels)
    sides = (high - low) + [0, 0, 2 * pad]
    ax.set_box_aspect(sides * [1, 1, stretch], zoom=0.95)
    drawn = ax.scatter(
        *coords.T,
        alpha=alpha,
        linewidths=0,
        depthshade=False,
        rasterized=len(coords) > RASTERIZE,
    )
    if title:
        ax.set_title(title)
    paint(drawn, ax, spots.obs[color], palette, spots.uns.get("colors"), color, legend)
    drawn.set_sizes(np.array([_area(ax, coords, width)]))  # a colourbar takes room
    return ax


def _placed(
    coords: NDArray[np.float64],
    section: Any,
    spacing: float | Mapping[str, float] | None,
    spatial_key: str,
) -> NDArray[np.float64]:
    """Coordinates of three dimensions."""
    if spacing is None:
        if coords.shape[1] < 3:
            raise ValueError(
                f"obsm[{spatial_key!r}] has no third coordinate: give the distance between sections, "
                "or the z of each, by spacing"
            )
        return coords[:, :3].copy()
    groups = categorize(section, None)
    names = [str(groups.names[code]) for code in groups.present]
    if isinstance(spacing, Mapping):
        heights = {str(name): float(z) for name, z in spacing.items()}
        if lacking := [name for name in names if name not in heights]:
            raise KeyError(f"spacing has no z for {lacking}; it has {list(heights)}")
    else:
        heights = {name: i * float(spacing) for i, name in enumerate(names)}
    z = np.array([heights[name] for name in section.astype(str)])
    if not np.isfinite(z).all() or (not isinstance(spacing, Mapping) and not spacing > 0):
        raise ValueError(
            f"spacing must be positive, or the z of each section, in units of the coordinates, "
            f"not {spacing}"
        )
    return np.column_stack([coords[:, :2], z])


def _area(ax: Any, coords: NDArray[np.float64], width: float) -> float:
    """Area of a marker, in square points, as wide as `width` in the middle of the stack."""
    from mpl_toolkits.mplot3d import proj3d

    ax.apply_aspect()
    middle = (coords.min(axis=0) + coords.max(axis=0)) / 2
    ends = middle + width * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    x, y, _ = proj3d.proj_transform(*ends.T, ax.get_proj())
    pixels = ax.transData.transform(np.column_stack([x, y]))
    longest = np.linalg.norm(pixels[1:] - pixels[0], axis=1).max()
    return float((longest * 72 / ax.figure.dpi) ** 2)
