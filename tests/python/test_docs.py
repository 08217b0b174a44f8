"""The documentation's examples run and do what their page says."""

import importlib.util
import re
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).parents[2]


def code(page):
    spec = importlib.util.spec_from_file_location("example", ROOT / "tools" / "example.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example.code(page)


@pytest.mark.usefixtures("no_pulling")
def test_modalities_page(capsys):
    page = ROOT / "docs" / "modalities.md"
    exec(code(page), {})
    said = re.findall(r"^```text\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    assert capsys.readouterr().out == "".join(said)


@pytest.fixture
def run_page(tmp_path, monkeypatch):
    """Run the code of a page in an empty folder; returns its names."""
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs" / "images").mkdir(parents=True)

    def run(page):
        names = {}
        exec(code(ROOT / "docs" / page), names)
        return names

    return run


def test_serial_sections_page(run_page, tmp_path):
    names = run_page("serial_sections.md")
    assert [float(z) for z in names["ax"].get_zticks()] == [0, 1, 2, 3]
    first = names["sections"]["s1"]
    assert first.uns["smart"]["params"]["n_neighbors"] == 6
    assert names["sm"].metrics.ari(first.obs["domain"], first.obs["smart"]) > 0.9
    assert (tmp_path / "docs" / "images" / "sections_3d.png").stat().st_size > 1000


def test_sections_page(run_page, tmp_path, capsys):
    run_page("sections.md")
    printed = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    joint, aligned = (float(printed[f"iLISI, align_sections={on}"]) for on in (False, True))
    assert joint < 0.2 < 0.5 < min(aligned, float(printed["iLISI, embedding"]))
    assert float(printed["ARI, large"]) > 0.9
    assert float(printed["ARI, small"]) > 0.9
    assert (tmp_path / "docs" / "images" / "sections.png").stat().st_size > 1000
