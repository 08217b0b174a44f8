"""The simulated tri-omics set: RNA, protein and chromatin of one section, domains known."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ._assemble import assemble
from ._counts import MODALITIES, draw
from ._pattern import activities, check_pattern, domain_map, domain_names

if TYPE_CHECKING:
    from mudata import MuData

logger = logging.getLogger("smartcore")


def tri_omics(
    shape: tuple[int, int] = (36, 36),
    *,
    n_genes: int = 1000,
    n_proteins: int = 100,
    n_peaks: int = 1000,
    seed: int = 0,
    modalities: Sequence[str] = ("rna", "protein", "chromatin"),
    signal: float = 1.0,
    zero_inflation: float = 0.5,
    dispersion: float = 1.0,
    n_nonspatial: int = 3,
    p_nonspatial: float = 0.2,
    pattern: ArrayLike | None = None,
    border: float = 0.0,
    unseen: Mapping[str, Sequence[str]] | None = None,
) -> MuData:
    """Simulate spatial multi-omics counts on a grid with known domains.

    Four spatial factors each hold a quadrant of the grid in the block patterns of Griffiths
    and Ghahramani; between them lies background. Non-spatial factors, like cell states, are
    active in each spot at random, alike for all modalities, and hide the pattern. Each feature
    follows one spatial and one non-spatial factor, drawn at random. With b, s and t the
    modality's means for background and for either factor, a count is

    - mean: ``b + a``, where ``a = signal * s * (activity of the spatial factor) + t *
      (non-spatial factor active)``
    - negative binomial, variance ``b + a + dispersion * (phi_b * b**2 + phi * a**2)``: the
      background is rare but overdispersed noise, as of ambient molecules
    - RNA and chromatin: then lost (set to zero) with probability `zero_inflation`

    ========= ===== ====== ====== ===== =====
    modality  b     s      t      phi   phi_b
    ========= ===== ====== ====== ===== =====
    rna       0.56  12.4   10.6   0.055 9.0
    protein   4.6   111.8  91.4   0.155 9.7
    chromatin 1.48  12.0   10.0   0.045 2.8
    ========= ===== ====== ====== ===== =====

    The defaults resemble the set that the SMART and SpatialGlue papers use.

    Parameters
    ----------
    shape
        Rows and columns of the grid, each at least 6; the pattern stretches. Not used where
        `pattern` is given.
    n_genes, n_proteins, n_peaks
        Number of features of each modality.
    seed
        Seed. Each modality has its own stream: leaving one out, or changing its number of
        features, does not change the others.
    modalities
        Which to simulate, in the order wanted: "rna", "protein", "chromatin".
    signal
        Factor on the spatial factors' mean: 1 as published, 0 for no domains at all.
    zero_inflation
        Probability that a count of RNA or chromatin is lost, from 0 up to, not including, 1.
    dispersion
        Factor on each modality's overdispersion; 0 gives Poisson counts.
    n_nonspatial
        Number of non-spatial factors; 0 for none.
    p_nonspatial
        Probability that a non-spatial factor is active in a spot.
    pattern
        Domain of each place of the grid, whole numbers, shape (n_rows, n_cols): 0 for
        background, k for factor k. Domains may be as small as a spot. None for the patterns
        above.
    border
        Width of gradual borders: the standard deviation, in spots, of a Gaussian that blurs
        each factor's activity, which is otherwise 1 in its domain and 0 elsewhere. The domains
        stay as they are.
    unseen
        By modality, the factors that it carries no signal of, such as
        ``{"protein": ["factor 1"]}``. The features that follow them stay, as noise.

    Returns
    -------
    Modalities "rna", "protein", "chromatin" with

    - ``X``: raw counts, CSR, float32, shape (n_spots, n_features); spots row by row, named
      "spot_row_column"
    - ``obs["domain"]``: "background", "factor 1" to "factor 4", or as many as `pattern` has;
      in the MuData too
    - ``obsm["spatial"]``: column and row on the grid, row 0 at the top; in the MuData too
    - ``var["spatial_factor"]``, ``var["nonspatial_factor"]``: what each feature follows;
      0-based number of the non-spatial one, -1 without any

    and the MuData's ``obsm["nonspatial"]``: activities, shape (n_spots, n_nonspatial), 0 or 1.

    Raises
    ------
    ValueError
        If the shape is below 6 x 6, a modality unknown, repeated or none given, a number of
        features below 1, a probability outside its range, `signal`, `dispersion`,
        `n_nonspatial` or `border` negative, `pattern` no grid of whole numbers with a factor, or
        `unseen` names what is not there.

    References
    ----------
    Townes and Engelhardt, "Nonnegative spatial factorization applied to spatial genomics",
    Nat Methods 20, 229 (2023): the "ggblocks" simulation. Griffiths and Ghahramani, "The
    Indian buffet process", JMLR 12, 1185 (2011): the patterns. Long et al., "Deciphering
    spatial domains from spatial multi-omics with SpatialGlue", Nat Methods 21, 1658 (2024),
    and Du et al., "SMART", Nat Commun 17, 2876 (2026): the set with several modalities.

    Examples
    --------
    >>> mdata = tri_omics((12, 12), n_genes=50, n_proteins=10, n_peaks=60)
    >>> {name: adata.shape for name, adata in mdata.mod.items()}
    {'rna': (144, 50), 'protein': (144, 10), 'chromatin': (144, 60)}
    >>> mdata.obs["domain"].value_counts(sort=False).tolist()
    [48, 20, 32, 24, 20]

    Stripes one spot wide:

    >>> stripes = np.tile([0, 1, 2], (9, 4))
    >>> tri_omics(pattern=stripes, n_genes=50, modalities=["rna"]).obs["domain"].tolist()[:3]
    ['background', 'factor 1', 'factor 2']
    """
    grid = domain_map(shape) if pattern is None else check_pattern(pattern)
    names = domain_names(int(grid.max()))
    sizes = {"rna": n_genes, "protein": n_proteins, "chromatin": n_peaks}
    _check(modalities, sizes, zero_inflation, p_nonspatial)
    _check_not_negative(
        signal=signal, dispersion=dispersion, n_nonspatial=n_nonspatial, border=border
    )
    blind = _unseen_columns(unseen or {}, modalities, names)

    spatial = activities(grid, border)
    spots_rng, *modality_rngs = np.random.default_rng(seed).spawn(1 + len(MODALITIES))
    active = spots_rng.random((grid.size, n_nonspatial)) < p_nonspatial
    rngs = dict(zip(MODALITIES, modality_rngs, strict=True))
    counts = {}
    features = {}
    for name in modalities:
        model, n_features = MODALITIES[name], sizes[name]
        features[name] = _features(model.prefix, n_features, names, n_nonspatial, rngs[name])
        counts[name] = draw(
            model,
            np.where(blind[name], 0.0, spatial),
            active,
            features[name],
            signal,
            zero_inflation if model.inflated else 0.0,
            dispersion,
            rngs[name],
        )
    logger.debug("simulated %s on a grid of %s", ", ".join(modalities), grid.shape)
    row, col = np.divmod(np.arange(grid.size), grid.shape[1])
    mdata = assemble(
        counts,
        features,
        domains=pd.Categorical.from_codes(grid.ravel(), names),
        spots=[f"spot_{r}_{c}" for r, c in zip(row, col, strict=True)],
        spatial=np.column_stack([col, row]).astype(np.float64),
    )
    mdata.obsm["nonspatial"] = active.astype(np.float64)
    return mdata


def _check(
    modalities: Sequence[str],
    sizes: dict[str, int],
    zero_inflation: float,
    p_nonspatial: float,
) -> None:
    options = ", ".join(map(repr, MODALITIES))
    if isinstance(modalities, str) or not modalities:
        raise ValueError(f"modalities must be a sequence of some of {options}, not {modalities!r}")
    for name in modalities:
        if name not in MODALITIES:
            raise ValueError(f"modality {name!r} is unknown: choose among {options}")
        if list(modalities).count(name) > 1:
            raise ValueError(f"modality {name!r} is given more than once")
        if sizes[name] < 1:
            raise ValueError(f"{name} must have at least 1 feature, not {sizes[name]}")
    if not 0 <= zero_inflation < 1:
        raise ValueError(f"zero_inflation must be at least 0 and below 1, not {zero_inflation}")
    if not 0 <= p_nonspatial <= 1:
        raise ValueError(f"p_nonspatial must be from 0 to 1, not {p_nonspatial}")


def _check_not_negative(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value < np.inf:
            raise ValueError(f"{name} must be finite and at least 0, not {value}")


def _unseen_columns(
    unseen: Mapping[str, Sequence[str]], modalities: Sequence[str], names: tuple[str, ...]
) -> dict[str, NDArray[np.bool_]]:
    """Which factors each modality carries no signal of, shape (n_factors,) each."""
    factors = names[1:]
    for modality, hidden in unseen.items():
        if modality not in modalities:
            raise ValueError(
                f"unseen names modality {modality!r}, but those simulated are {list(modalities)}"
            )
        if isinstance(hidden, str) or (unknown := sorted(set(hidden) - set(factors))):
            what = repr(hidden) if isinstance(hidden, str) else f"{unknown}"
            raise ValueError(
                f"unseen[{modality!r}] must be a sequence of some of {list(factors)}, not {what}"
            )
    return {name: np.isin(factors, list(unseen.get(name, ()))) for name in modalities}


def _features(
    prefix: str,
    n_features: int,
    names: tuple[str, ...],
    n_nonspatial: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Names of features and the factors that they follow."""
    number = np.arange(n_features)
    if prefix.startswith("chr"):
        index = [f"{prefix}:{1000 * i}-{1000 * i + 500}" for i in number + 1]
    else:
        width = len(str(n_features))
        index = [f"{prefix}_{i:0{width}d}" for i in number + 1]
    spatial = rng.integers(1, len(names), n_features)
    other = rng.integers(n_nonspatial, size=n_features) if n_nonspatial else np.full(n_features, -1)
    return pd.DataFrame(
        {
            "spatial_factor": pd.Categorical.from_codes(spatial - 1, names[1:]),
            "nonspatial_factor": other,
        },
        index=index,
    )
