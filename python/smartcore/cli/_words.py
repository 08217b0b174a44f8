"""Messages of the library in words of the command line."""

from __future__ import annotations

import re

from smartcore.io.machines import MACHINES

_OPTIONS = {
    "align_sections=False": "--no-align-sections",
    "batch_key": "--batch-key",
    "check_counts=False": "--not-counts",
    "check_names=False": "--no-check-names",
    "controls=True": "--keep-controls",
    "in_tissue=False": "--keep-off-tissue",
    "layer=": "--layer",
    "link_sections=True": "--link-sections",
    "link_sections": "--link-sections",
    "max_spots=None": "--figure-spots all",
    "min_spots": "--min-spots",
    "n_clusters": "--n-clusters",
    "n_top_genes=None": "--n-top-genes with a larger number",
    "n_top_genes": "--n-top-genes",
    "n_comps": "--n-comps",
    "names_key": "--names-key",
    "overlap='smallest'": "--overlap smallest",
    "overwrite=True": "--force",
    "pixel_size": "--pixel-size",
    "section_key": "--section-key",
    "spatial_key": "--spatial-key",
}
_VALUES = {
    "machine": "--machine",
    **{choice.name: choice.option for machine in MACHINES for choice in machine.choices},
    "section_key": "--section-key",
    "batch_key": "--batch-key",
    "method": "--cluster-method",
    "preset": "--preset",
    "regions": "--regions",
    "section": "--section",
    "resolution": "--resolution",
    "n_clusters": "--n-clusters",
    "n_neighbors": "--n-neighbors",
    "checkpoint": "--checkpoint",
    "device": "--device",
    "epochs": "--epochs",
}

# Not within a path or quotes: those are the user's own.
_ALONE = r"(?<![\w/'\"\[\\-])"

_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"\(columns=…; --coords-columns on the command line\)"), "(--coords-columns X Y)"),
    (re.compile(r"\(names=…; --coords-names on the command line\)"), "(--coords-names COLUMN)"),
    (re.compile(r" ?\((--[a-z-]+) on the command line\)"), ""),
    (re.compile(r"\(key=\)"), "(--key)"),
    (re.compile(r"\(layer=\)"), "(--layer)"),
    (re.compile(r"\(reps= of smartcore\.tl\.smart\)"), "(--rep)"),
    (re.compile(r" \(view='filtered'\)"), ""),
    (re.compile(r"\(n_neighbors\)"), "(--n-neighbors)"),
    (re.compile(r" Make them with smartcore\.pp\."), " Leave --rep and --no-preprocess out."),
    *(
        (re.compile(rf"{_ALONE}{name}=(['\"]?)([\w.-]+)\1(?![\w/.])"), rf"{option} \2")
        for name, option in _VALUES.items()
    ),
    *(
        (re.compile(rf"{_ALONE}{name}='([^']* [^']*)'"), rf"{option} '\1'")
        for name, option in _VALUES.items()
    ),
    *(
        (re.compile(rf"{_ALONE}{re.escape(text)}(?![\w=/'\"])"), option)
        for text, option in sorted(_OPTIONS.items(), key=lambda one: -len(one[0]))
    ),
]


def for_the_command_line(text: str) -> str:
    """A message in which options stand in place of Python's arguments."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
