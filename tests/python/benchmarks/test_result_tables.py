"""The tables that benchmarks keep their results in."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module")
def store_module():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        from suite import store
    finally:
        sys.path.remove(str(BENCHMARKS))
    return store


def row(seed, probe, **others):
    common = {"set": "s", "method": "pca", "labeling": "truth", "status": "done"}
    return {**common, "seed": seed, "probe": probe, **others}


def lines(file):
    with file.open(newline="") as text:
        return list(csv.reader(text))


def test_rows_are_added_sorted_and_replaced(store_module, tmp_path):
    store = store_module.Store(tmp_path, tmp_path)
    for seed, probe in ((10, 0.1), (2, 0.25), (0, 1 / 3)):
        store.put("baselines", [row(seed, probe)])
    header, *rows = lines(tmp_path / "baselines.csv")
    seed, probe = header.index("seed"), header.index("probe")
    assert [r[seed] for r in rows] == ["0", "2", "10"]
    assert [r[probe] for r in rows] == ["0.3333", "0.2500", "0.1000"]

    # A run with two labelings takes the place of what it had.
    both = [row(2, 0.5, labeling="a", note='says "no", twice'), row(2, None, labeling="b")]
    store.put("baselines", both)
    header, *rows = lines(tmp_path / "baselines.csv")
    assert [(r[seed], r[probe]) for r in rows] == [
        ("0", "0.3333"),
        ("2", "0.5000"),
        ("2", ""),
        ("10", "0.1000"),
    ]
    assert store.run("baselines", "pca", "s", 2)["a"]["note"] == 'says "no", twice'
    assert store.run("baselines", "pca", "s", 3) == {}
    assert not list(tmp_path.glob("*.partial"))


def test_rows_that_do_not_fit_leave_the_table_as_it_was(store_module, tmp_path):
    store = store_module.Store(tmp_path, tmp_path)
    store.put("baselines", [row(0, 0.5)])
    before = (tmp_path / "baselines.csv").read_bytes()
    with pytest.raises(ValueError, match="no columns \\['prob'\\]"):
        store.put("baselines", [row(1, 0.5), row(2, 0.5, prob=1)])
    assert (tmp_path / "baselines.csv").read_bytes() == before

    (tmp_path / "peers.csv").write_text("set,method\n")
    with pytest.raises(ValueError, match=r"peers\.csv has the columns"):
        store.put("peers", [row(0, 0.5)])


def test_a_run_in_two_tables_is_refused(store_module, tmp_path):
    store = store_module.Store(tmp_path, tmp_path)
    store.put("baselines", [row(0, 0.5)])
    store.put("trials", [row(1, 0.5)])
    assert len(store.all()) == 2
    store.put("trials", [row(0, 0.5)])
    with pytest.raises(ValueError, match=r"baselines\.csv and trials\.csv"):
        store.all()


def test_writers_at_once_lose_nothing(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from suite.store import Table\n"
        "table = Table(Path(sys.argv[2]) / 't.csv', ('method', 'seed'), ('method', 'seed'),\n"
        "              ('method', 'seed'))\n"
        "for seed in range(40): table.replace([{'method': sys.argv[3], 'seed': seed}])\n"
    )
    command = [sys.executable, "-c", code, BENCHMARKS, tmp_path]
    writers = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    _, *rows = lines(tmp_path / "t.csv")
    assert rows == [[name, str(seed)] for name in "abc" for seed in range(40)]


@pytest.fixture
def tissue(store_module, tmp_path):
    """Scores of a method on sections of some families, and the module that prints them."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        from suite import tables, tissue_page
    finally:
        sys.path.remove(str(BENCHMARKS))
    store = store_module.Store(tmp_path / "results", tmp_path)

    def put(name, seed, **probes):
        common = {"set": name, "group": "real tissue"}
        rows = [
            row(seed, probe, labeling=labeling, ari_shrunk=probe / 2, **common)
            for labeling, probe in probes.items()
        ]
        store.put("baselines", rows)

    for seed, first, second in ((0, 0.2, 0.4), (1, 0.4, 0.8)):
        put("dlpfc_151673", seed, truth=first)
        put("dlpfc_151674", seed, truth=second)
    put("starmap_mpfc_BZ5", 0, truth=0.9)
    put("starmap_visual_cortex", 0, Layer=0.5, label_benchmarkst=0.8)
    return tables.long(tables.frame(store.all())), tissue_page


def test_means_by_family_are_over_sections_and_spread_over_seeds(tissue):
    scores, page = tissue
    means = page.by_family(scores, ["pca"], "probe").loc["pca"]
    # Seeds have 0.3 and 0.6.
    assert means["DLPFC"] == "0.450 ± 0.150"
    assert means["mPFC"] == "*0.900 of 1/2*"
    # One labeling of several counts.
    assert means["STARmap"] == "0.500"
    assert means["all"] == means["MERFISH"] == ""
    seeds = page.seeds(scores, ["pca"]).loc["pca"]
    assert (seeds["DLPFC"], seeds["mPFC"], seeds["MOB"]) == ("2", "0–1", "0")


def test_published_scores_stand_beside_the_same_labels_only(tissue, tmp_path):
    scores, page = tissue
    (tmp_path / "real_tissue").mkdir()
    (tmp_path / "real_tissue" / "published_ari_medians.csv").write_text(
        "dataset,GraphST,STAGATE,stagate_aris\nmVC,0.5,0.2,0.6\nDLPFC151673,0.7,,\nother,1,1,1\n"
    )
    medians = page.published(tmp_path / "results", tmp_path)
    table = page.by_section(scores, ["pca"], "ari_shrunk", medians)
    cortex = table.loc["starmap_visual_cortex, label_benchmarkst"]
    assert list(cortex) == ["0.400", "0.500", "0.600", "STAGATE 0.600"]
    assert list(table.loc["starmap_visual_cortex, Layer"]) == ["0.250", "", "", ""]
    # Seeds have 0.1 and 0.2.
    assert list(table.loc["dlpfc_151673"]) == ["0.150", "0.700", "", "GraphST 0.700"]
    # What was copied serves where the source is not.
    assert page.published(tmp_path / "results", tmp_path / "none").equals(medians)
