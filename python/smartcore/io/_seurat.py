"""What Seurat asks of an object: an image for each section, and names of features that it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from smartcore import _keys

_ALONE = "fov"
"""Image of spots that no column assigns to one, as Seurat's own readers call it."""


def section_column(obs: pd.DataFrame, uns: Mapping[str, Any]) -> str | None:
    """Column that tells several sections apart: that of the folder that was read, or ours."""
    folder = uns.get(_keys.FOLDER)
    told = folder.get("section_key") if isinstance(folder, Mapping) else None
    for key in (told, *_keys.SECTION_COLUMNS):
        if key in obs and obs[key].nunique() > 1:
            return str(key)
    return None


def images_of(obs: pd.DataFrame, uns: Mapping[str, Any]) -> list[str]:
    """Image of each spot, so that no two sections lie over each other.

    Parameters
    ----------
    obs
        Metadata of the spots.
    uns
        What is known of the object.

    Returns
    -------
    list of str
        The values of ``obs["image"]`` where these tell sections apart, else the sections; those of
        both where an image holds several sections and a section several images. ``""`` for a spot
        whose image is missing, ``"fov"`` for one whose section is.
    """
    key = section_column(obs, uns)
    images = None if _keys.IMAGE not in obs else obs[_keys.IMAGE].astype(object)
    if key is None:
        chosen = pd.Series(_ALONE, obs.index) if images is None else images
        return _text(chosen, "")
    sections = obs[key].astype(object)
    if images is not None:
        pairs = pd.DataFrame({"section": sections, "image": images}).dropna().drop_duplicates()
        if pairs["image"].is_unique:
            return _text(images, "")
        if not pairs["section"].is_unique:
            both = sections.astype(str) + "." + images.astype(str)
            return _text(both.where(sections.notna(), images).where(images.notna(), None), "")
    rest = _ALONE
    while rest in set(sections.dropna().astype(str)):
        rest += "_"
    return _text(sections, rest)


def _text(values: pd.Series, missing: str) -> list[str]:
    return [missing if pd.isna(value) else str(value) for value in values]


def check_features(names: pd.Index, modality: str) -> None:
    """Refuse features that Seurat would call the same.

    Raises
    ------
    ValueError
        If there are such.
    """
    own = pd.Series(names.astype(str).unique())
    new = own.str.replace(r"[_|]", "-", regex=True)
    if new.duplicated().any():
        same = new[new.duplicated()].iloc[0]
        one, other = own[new == same].iloc[:2]
        raise ValueError(
            f"features {one!r} and {other!r} of {modality} would both be {same!r}, as Seurat writes "
            "- for _ and | in names of features: rename one"
        )
