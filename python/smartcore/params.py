"""Parameters of the method and the presets that set them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True, kw_only=True)
class Params:
    """All that decides an embedding, but for the data and the seed.

    The defaults are those of ``preset="robust"``. Numbers of equations and sections refer to
    Du et al., Nat Commun 17, 2876 (2026).

    Parameters
    ----------
    graph
        How spots become neighbours: the nearest ``n_neighbors`` (``"knn"``), all within
        ``radius``, or the edges of the Delaunay triangulation (no longer than ``radius``, where
        that is given).
    n_neighbors
        Spatial neighbours of a spot; 0 for no smoothing in space (cell types rather than
        domains). ``None`` guesses 4 or 6 from the layout of the spots.
    radius
        Greatest distance of two neighbours, in the units of the coordinates.
    directed
        Keep the kNN graph directed, and send each spot's features to the spots it chose: what
        the published package does. Otherwise neighbours are mutual.
    scale
        ``"modality"`` centres each modality and divides it by one number, its root mean square;
        ``"none"`` takes the features as they come.
    view
        What the network is given and learns to reconstruct. ``"filtered"``: each modality's
        features averaged over their surroundings, each direction as widely as the data ask for
        (see :func:`smartcore.spatial.fitting.fit_filter`); ``"features"``: the features as they
        are (paper).
    regions
        For ``view="filtered"``, from 0 to 1: what counts as noise. At 1, everything that a spot
        does not share with its surroundings, so that domains are regions of tissue; at 0
        nothing, so that they are kinds of spots or cells, wherever these lie. A number between
        them is a compromise.
    encoder
        Graph convolution of encoders and decoders.
    decoder
        ``"graph"``: as many graph layers as the encoder; ``"linear"``: one linear layer;
        ``"isometric"``: one linear layer for all modalities together, whose matrix is orthonormal,
        so that distances between embedded spots are those between what is decoded from them.
    n_layers
        Graph layers of an encoder.
    latent_dim
        Width f of every layer and of the embedding.
    relu
        Where a ReLU follows: no layer, all but the last, or all of an encoder's layers. A
        decoder's last layer never has one.
    l2
        After which layers each spot's vector is scaled to length 1.
    trainable
        ``"fusion"`` leaves encoders and decoders at their random start, as the published package
        does by keeping them in plain lists.
    start
        Weights that the training begins with. ``"data"``: GraphSAGE encoders that average each
        spot with its neighbours as the target does (others are random), and the best linear or
        isometric decoder and fusion layer for them, in closed form, which needs no training (see
        :func:`smartcore.training.start.start_from_data`); ``"random"``: random ones (paper).
    principal_axes
        Turn the embedding to its principal axes after the training, the one of most variance
        first, so that its first columns hold most of it. The turn is part of the fusion layer and
        of the decoder, which must be linear or isometric. ``None``: where it is one of these.
    target_weights
        ``"spatial"``: the target of the reconstruction has each direction of feature space
        weighted by how much more it varies in space than noise would (see
        :class:`smartcore.spatial.directions.Directions`); ``"none"``: features as they are.
    target_hops
        How often the target of a spot is averaged with that of its spatial neighbours.
    neighbor_share
        Weight of the neighbours' mean in such an average; the spot itself has the rest. ``None``:
        what is best for one averaging, the less the data are noise, the less; 0.5 at most, 0.35
        where noise cannot be told, 0 where nothing varies in space (see
        :func:`smartcore.spatial.directions.best_share`). The embedding's parameters hold what was
        found.
    n_twins
        The target is averaged with those of a spot's twins, wherever they lie: mutual nearest
        neighbours among this many, in all modalities together. 0: without.
    twin_share
        Weight of the twins' mean in that average.
    triplet_source
        Where mutual nearest neighbours of triplets are looked for: in the features or in the
        target.
    n_mutual
        k of the mutual nearest neighbours.
    far_ratio
        r: negatives come from this share of the spots, the farthest ones.
    redraw
        Draw new negatives in every epoch, as is always done where an epoch sees some spots only.
    max_anchors
        Search triplets among this many spots, drawn at random; ``None``: among all.
    margin
        τ of the triplet loss.
    lam
        λ: weight of the reconstruction loss; the triplet loss has 1 − λ.
    total_weight
        Factor of the whole loss. The published package's plain sum is ``lam=0.5`` with 2.
    alpha
        α: weight of each modality in both losses; ``None``: 1.
    squared_error
        Squared error of a spot: its ``"sum"`` over features (paper) or their ``"mean"``.
    lr, adam_eps, weight_decay
        Of Adam. Along gradients much smaller than ``adam_eps`` its steps shrink: weights that begin
        at their best would else go where rounding points.
    epochs
        0: the weights stay as ``start="data"`` finds them, in closed form, and nothing is trained.
        Else at most this many steps of Adam, whether a step sees all spots or some of them.
    step_spots
        Spots that a step sees, about. More spots than that are cut into compact tiles, and a step
        takes some of them, drawn at random so that a pass over all tiles takes each of them once:
        50 epochs of 50,000 of 500,000 spots are five passes. The embedding of these spots is exact,
        and so is the loss on average. ``None``: 50,000, or what a quarter of the machine's (or
        the GPU's) memory holds (:func:`smartcore.training.tiles.step_spots`).
    stop_slope
        Training ends when the slope of a loss is less than this an epoch, asked every 10 epochs;
        0 never.
    stop_window
        Epochs over which that slope is fitted; where a pass over the spots takes several, whole
        passes, four at least, whose means are compared.
    stop_on
        ``"either"``: the slope of either loss, in its own units (paper); ``"total"``: that of
        the total loss relative to its mean, free of scale.
    harmony_theta, harmony_sigma, harmony_rounds
        Of Harmony, which takes batch effects between sections out of each modality before all
        else; 0 rounds for features that have none (any more). See
        :func:`smartcore.sections.harmony.harmony`.
    harmony_hops
        Averagings with spatial neighbours after which Harmony is asked once more, for what noise
        hid of batch effects (see :func:`smartcore.sections.harmony.without_batch_effects`); 0: only
        once, on the features as they are (paper).
    section_triplets
        Where positives of an anchor are looked for, if there are several sections: in the other
        ones (``"across"``, paper), in its own (``"within"``), or in ``"both"``.
    link_sections
        Let spots of different sections be neighbours in space: for serial sections registered
        in 3-D coordinates.
    """

    graph: Literal["knn", "radius", "delaunay"] = "knn"
    n_neighbors: int | None = None
    radius: float | None = None
    directed: bool = False
    scale: Literal["modality", "none"] = "modality"
    view: Literal["filtered", "features"] = "filtered"
    regions: float = 1.0
    encoder: Literal["sage", "gcn", "gat", "gatv2", "graphconv"] = "sage"
    decoder: Literal["graph", "linear", "isometric"] = "isometric"
    n_layers: int = 2
    latent_dim: int = 64
    relu: Literal["none", "hidden", "all"] = "hidden"
    l2: Literal["none", "encoder", "all"] = "none"
    trainable: Literal["all", "fusion"] = "all"
    start: Literal["data", "random"] = "data"
    principal_axes: bool | None = None
    target_weights: Literal["spatial", "none"] = "none"
    target_hops: int = 0
    neighbor_share: float | None = None
    n_twins: int = 15
    twin_share: float = 0.5
    triplet_source: Literal["features", "target"] = "target"
    n_mutual: int = 3
    far_ratio: float = 0.6
    redraw: bool = True
    max_anchors: int | None = None
    margin: float = 0.5
    lam: float = 0.9
    total_weight: float = 1.0
    alpha: Mapping[str, float] | None = None
    squared_error: Literal["sum", "mean"] = "mean"
    lr: float = 1e-3
    adam_eps: float = 1e-4
    weight_decay: float = 0.0
    epochs: int = 0
    step_spots: int | None = None
    stop_slope: float = 1e-4
    stop_window: int = 20
    stop_on: Literal["either", "total"] = "total"
    harmony_theta: float = 2.0
    harmony_sigma: float = 0.15
    harmony_rounds: int = 20
    harmony_hops: int = 1
    section_triplets: Literal["across", "within", "both"] = "across"
    link_sections: bool = False

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            if get_origin(hint) is not Literal:
                continue
            if getattr(self, name) not in get_args(hint):
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is not known; "
                    f"use one of {', '.join(map(repr, get_args(hint)))}."
                )
            object.__setattr__(self, name, str(getattr(self, name)))
        for name, (low, high, whole) in _RANGES.items():
            value = check_number(name, getattr(self, name), low, high, whole)
            object.__setattr__(self, name, value)
        if self.graph == "radius" and self.radius is None:
            raise ValueError("graph='radius' needs radius=, in the units of the coordinates.")
        if self.directed and self.graph != "knn":
            raise ValueError(f"directed=True goes with graph='knn', not with {self.graph!r}.")
        if self.view != "filtered" and self.regions != 1:
            raise ValueError(
                f"regions={self.regions:g} is for preset='robust' (view='filtered'); with "
                f"view={self.view!r}, as in the other presets, there is no such choice. Leave regions "
                "out, or use preset='robust'."
            )
        if self.start == "data" and (self.decoder == "graph" or self.trainable == "fusion"):
            raise ValueError(
                f"start='data' goes with a linear decoder and trainable='all', not with decoder="
                f"{self.decoder!r} and trainable={self.trainable!r}; use start='random'."
            )
        if self.principal_axes and self.decoder == "graph":
            raise ValueError(
                "principal_axes=True goes with a linear decoder, not with decoder='graph'; use "
                "principal_axes=False."
            )
        if self.alpha is not None and not isinstance(self.alpha, Mapping):
            raise ValueError(f"alpha={self.alpha!r} must map modalities to weights.")
        if self.principal_axes is None:
            object.__setattr__(self, "principal_axes", self.decoder != "graph")
        for name in ("directed", "redraw", "link_sections", "principal_axes"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}={getattr(self, name)!r} must be True or False.")
        for name in ("margin", "adam_eps"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name}=0 must be greater than 0.")
        if self.alpha is not None:
            weights = {
                str(modality): check_number(f"alpha[{modality!r}]", weight, 0, float("inf"), False)
                for modality, weight in self.alpha.items()
            }
            object.__setattr__(self, "alpha", weights)

    def plain(self) -> dict[str, Any]:
        """As a dict of plain values, for files."""
        return {
            f.name: dict(value) if isinstance(value := getattr(self, f.name), Mapping) else value
            for f in fields(self)
        }


# name: (least, most, whole number); None is let through where the field allows it.
_RANGES: dict[str, tuple[float, float, bool]] = {
    "n_neighbors": (0, float("inf"), True),
    "radius": (0, float("inf"), False),
    "regions": (0, 1, False),
    "n_layers": (1, 10, True),
    "latent_dim": (1, float("inf"), True),
    "target_hops": (0, 100, True),
    "neighbor_share": (0, 1, False),
    "n_twins": (0, float("inf"), True),
    "twin_share": (0, 1, False),
    "n_mutual": (1, float("inf"), True),
    "far_ratio": (0, 1, False),
    "max_anchors": (2, float("inf"), True),
    "margin": (0, float("inf"), False),
    "lam": (0, 1, False),
    "total_weight": (0, float("inf"), False),
    "lr": (0, float("inf"), False),
    "adam_eps": (0, float("inf"), False),
    "weight_decay": (0, float("inf"), False),
    "epochs": (0, float("inf"), True),
    "step_spots": (1, float("inf"), True),
    "stop_slope": (0, float("inf"), False),
    "stop_window": (2, float("inf"), True),
    "harmony_theta": (0, float("inf"), False),
    "harmony_sigma": (1e-3, float("inf"), False),
    "harmony_rounds": (0, float("inf"), True),
    "harmony_hops": (0, 100, True),
}
_MAY_BE_NONE = {"n_neighbors", "radius", "neighbor_share", "max_anchors", "step_spots"}


def check_number(name: str, value: Any, low: float, high: float, whole: bool) -> Any:
    """``value``, an int if ``whole``; ValueError unless it is a finite number in [low, high]."""
    if value is None and name in _MAY_BE_NONE:
        return None
    kind = "a whole number" if whole else "a number"
    try:
        good = not isinstance(value, bool) and low <= value <= high and value < float("inf")
        good = good and (not whole or int(value) == value)
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        upper = f" to {high:g}" if high < float("inf") else " up"
        raise ValueError(f"{name}={value!r} must be {kind} from {low:g}{upper}.")
    return int(value) if whole else float(value)


PRESETS: dict[str, Params] = {
    "robust": Params(),
    "robust-0.1": Params(
        epochs=50,
        view="features",
        principal_axes=False,
        target_weights="spatial",
        target_hops=1,
    ),
    "paper": Params(
        scale="none",
        view="features",
        principal_axes=False,
        decoder="graph",
        relu="all",
        l2="encoder",
        start="random",
        target_weights="none",
        target_hops=0,
        n_twins=0,
        triplet_source="features",
        redraw=False,
        lam=0.5,
        squared_error="sum",
        adam_eps=1e-8,
        weight_decay=1e-5,
        epochs=300,
        stop_window=10,
        stop_on="either",
        harmony_theta=10.0,
        harmony_sigma=0.1,
        harmony_hops=0,
    ),
    "published": Params(
        directed=True,
        scale="none",
        view="features",
        principal_axes=False,
        decoder="graph",
        relu="none",
        l2="all",
        trainable="fusion",
        start="random",
        target_weights="none",
        target_hops=0,
        n_twins=0,
        triplet_source="features",
        redraw=False,
        max_anchors=20_000,
        lam=0.5,
        total_weight=2.0,
        adam_eps=1e-8,
        weight_decay=1e-5,
        epochs=300,
        stop_window=10,
        stop_on="either",
        harmony_theta=10.0,
        harmony_sigma=0.1,
        harmony_hops=0,
    ),
}
"""``robust`` is the default, ``robust-0.1`` that of version 0.1. ``paper`` is the paper's
equations, all of them trained.
``published`` behaves as bio-SMART 0.1.2, to reproduce its figures."""


TRAINING_ONLY = (
    *("triplet_source", "n_mutual", "far_ratio", "redraw", "max_anchors", "section_triplets"),
    *("margin", "lam", "total_weight", "alpha", "squared_error", "lr", "adam_eps", "weight_decay"),
    *("stop_slope", "stop_window", "stop_on"),
)
"""Parameters that count in training only: without effect where ``epochs`` is 0."""


def resolve_params(preset: str, changes: Mapping[str, Any]) -> Params:
    """Parameters of ``preset``, with ``changes`` made to them.

    Raises
    ------
    ValueError
        If ``preset`` or a value is not known, or weights that begin at random are not trained.
    TypeError
        If ``changes`` names a parameter that does not exist.

    Examples
    --------
    >>> resolve_params("paper", {"lam": 0.8}).lam
    0.8
    """
    if preset not in PRESETS:
        raise ValueError(f"preset={preset!r} is not known; use one of {', '.join(PRESETS)}.")
    names = {f.name for f in fields(Params)}
    if unknown := sorted(set(changes) - names):
        raise TypeError(
            f"Unknown parameter {', '.join(unknown)}; those of the method are "
            f"{', '.join(sorted(names))}."
        )
    params = replace(PRESETS[preset], **changes)
    if params.epochs == 0 and (params.start, params.encoder) != ("data", "sage"):
        which = (
            f"encoder={params.encoder!r}" if params.encoder != "sage" else f"start={params.start!r}"
        )
        raise ValueError(
            f"With {which} the network begins at random weights, so it must be trained, but epochs=0. "
            "Give a number of epochs, such as epochs=300."
        )
    return params
