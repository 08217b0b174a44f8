"""docs/machines.md: what each row says to type reads the machine's folder."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from helpers.imaging import (
    make_cell_gem,
    make_cosmx,
    make_gem,
    make_merscope,
    make_slide_seq,
    make_xenium,
)
from helpers.io import make_outs, write_mtx
from helpers.machines import make_aggr, make_hd
from smartcore import io
from smartcore.cli import _inputs, build_parser
from smartcore.io.machines import MACHINES

pytestmark = [
    pytest.mark.usefixtures("no_pulling"),
    pytest.mark.filterwarnings("ignore:.*occur more than once"),
]

PAGE = (Path(__file__).parents[3] / "docs/machines.md").read_text()

EXAMPLES = {
    "Visium": make_outs,
    "Visium, joined": make_aggr,
    "Visium HD, bins": make_hd,
    "Visium HD, cells": make_hd,
    "Xenium": make_xenium,
    "CosMx": make_cosmx,
    "MERSCOPE": make_merscope,
    "Stereo-seq, bins": make_gem,
    "Stereo-seq, cells": make_cell_gem,
    "Slide-seq": make_slide_seq,
    "10x matrix": write_mtx,
}
"""Row → what makes the smallest folder of the kind, at a place, from counts."""


def rows() -> list[dict[str, str]]:
    table = PAGE.partition("<!-- machines -->\n")[2].partition("<!-- end of machines -->")[0]
    head, _, *lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
    ]
    return [dict(zip(head, line, strict=True)) for line in lines]


def code(cell: str) -> str:
    """The first piece of code in a cell."""
    return re.findall(r"`([^`]+)`", cell)[0]


def test_every_machine_has_a_row():
    named = {row["machine"].partition(",")[0] for row in rows()}
    assert named == {machine.name for machine in MACHINES}
    assert len({row["machine"] for row in rows()}) == len(rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["machine"])
def test_row(row, tmp_path, counts, monkeypatch):
    assert row["machine"] in EXAMPLES, "this row has no example: add one to EXAMPLES"
    monkeypatch.chdir(tmp_path)
    words = shlex.split(code(row["shell"]))
    assert words[:2] == ["smartcore", "run"]
    args = build_parser().parse_args(words[1:])
    EXAMPLES[row["machine"]](tmp_path / args.input[0], counts)
    data = eval(code(row["Python"]), {"read_folder": io.read_folder})
    kept = data.uns["smart_folder"]
    assert kept["machine"] == row["machine"].partition(",")[0]
    assert kept.get("unit", "none") == row["unit"]
    if "unit" not in kept:
        with pytest.raises(ValueError, match=r"no coordinates: .*give a table by --coords"):
            _inputs.load(args)
        return
    _inputs.check_sources(args)
    inputs = _inputs.load(args)
    assert args.section_key == kept.get("section_key")
    assert list(inputs.modalities) == list(data.mod)
    for name, adata in inputs.modalities.items():
        assert adata.n_obs
        assert (adata.X != data[name].X).nnz == 0
        assert np.array_equal(adata.obsm["spatial"], data[name].obsm["spatial"])
