"""Several sections as one: peaks in common, by overlap."""

import bioframe
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import smartcore as sm
from helpers.pp_sections import section
from smartcore.pp._peaks import parse_peaks, shared_peaks


def random_peaks(rng, n):
    start = rng.integers(0, 3000, n)
    table = pd.DataFrame(
        {
            "chrom": rng.choice(["chr1", "chr2", "chrUn-1:x"], n),
            "start": start,
            "end": start + rng.integers(1, 60, n),
        }
    ).drop_duplicates()
    return table.sample(frac=1, random_state=int(rng.integers(99))).reset_index(drop=True)


def spelled(table, separator):
    return pd.Index(
        [f"{c}{separator}{s}-{e}" for c, s, e in table.itertuples(index=False)], dtype=object
    )


def groups_by_loops(tables):
    """Connected components of overlap, by comparing every two peaks."""
    peaks = [(i, *row) for i, t in enumerate(tables) for row in t.itertuples(index=False)]
    group = list(range(len(peaks)))
    for i, (_, c, s, e) in enumerate(peaks):
        for j, (_, c2, s2, e2) in enumerate(peaks[:i]):
            if c == c2 and s < e2 and s2 < e:
                old, new = group[i], group[j]
                group = [new if g == old else g for g in group]
    return peaks, np.array(group)


@pytest.mark.parametrize("seed", range(6))
def test_peaks_are_joined_as_by_brute_force_and_bioframe(seed):
    rng = np.random.default_rng(seed)
    tables = [random_peaks(rng, n) for n in (60, 90, 40)[: 2 + seed % 2]]
    names = {str(i): spelled(t, ":-"[i % 2]) for i, t in enumerate(tables)}
    found = shared_peaks(names, 1)

    peaks, group = groups_by_loops(tables)
    owner = np.array([p[0] for p in peaks])
    common = [g for g in np.unique(group) if len(set(owner[group == g])) == len(tables)]
    expected = {}
    for g in common:
        inside = [peaks[i] for i in np.flatnonzero(group == g)]
        name = f"{inside[0][1]}:{min(p[2] for p in inside)}-{max(p[3] for p in inside)}"
        expected |= dict.fromkeys(np.flatnonzero(group == g), name)
    assert len(common) > 3
    members = np.concatenate(list(found.members.values()))
    got = {i: found.names[m] for i, m in enumerate(members) if m >= 0}
    assert got == expected

    table = pd.concat(tables, ignore_index=True).assign(owner=owner)
    merged = bioframe.cluster(table, min_dist=None)
    by_bioframe = merged.groupby("cluster").filter(lambda x: x["owner"].nunique() == len(tables))
    starts = by_bioframe[["chrom", "cluster_start", "cluster_end"]].drop_duplicates()
    assert set(spelled(starts, ":")) == set(found.names)


def test_counts_of_overlapping_peaks_are_summed():
    one = section(3, ["chr1:10-20", "chr1:18-30", "chr1:100-120", "chr2:5-9"])
    two = section(2, ["chr1-25-40", "chr2-7-8", "chr1-500-600"], 1)
    joined = sm.pp.join_sections({"one": one, "two": two}, by="overlap", min_shared=1)
    assert joined.var_names.tolist() == ["chr1:10-40", "chr2:5-9"]
    a, b = one.X.toarray(), two.X.toarray()
    np.testing.assert_array_equal(
        joined.X.toarray(),
        np.vstack([np.c_[a[:, 0] + a[:, 1], a[:, 3]], np.c_[b[:, 0], b[:, 1]]]),
    )


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.float32])
def test_sums_of_counts_do_not_outgrow_their_type(dtype):
    one = section(3, ["chr1:10-20", "chr1:18-30"])
    two = section(2, ["chr1:12-25"])
    most = 1 if dtype is bool else 200
    for part in (one, two):
        part.X = sp.csr_matrix(np.full(part.shape, most, dtype))
    joined = sm.pp.join_sections([one, two], by="overlap", min_shared=1)
    np.testing.assert_array_equal(joined.X.toarray(), [[2 * most]] * 3 + [[most]] * 2)


def test_bins_that_meet_are_not_joined_and_one_section_stays_as_it_is():
    bins = [f"chr1:{500 * i}-{500 * i + 500}" for i in range(20)]
    joined = sm.pp.join_sections([section(4, bins), section(3, bins, 1)], by="overlap")
    assert joined.var_names.tolist() == bins
    overlapping = ["chr1:0-10", "chr1:5-15"]
    assert sm.pp.join_sections([section(4, overlapping)], by="overlap").n_vars == 2


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["chr1:1-5", "GENE1"], "1 of 2 peaks of section 'b'.*'GENE1'"),
        (["chr1:9-5", "chr1:1-5"], "do not end after their start.*'chr1:9-5'"),
        (["1:100-200", "2:100-200"], "with or without 'chr'"),
        (["chr1:900-910"], "share 0 peaks.*one genome assembly"),
    ],
)
def test_peaks_that_do_not_fit(names, message):
    parts = {"a": pd.Index(["chr1:100-200", "chr2:100-200"]), "b": pd.Index(names)}
    with pytest.raises(ValueError, match=message):
        shared_peaks(parts, 1)


def test_parse_peaks():
    table = parse_peaks(pd.Index(["chrX:1-22", "HLA-A*01:01-5-6"]), "a")
    assert table.to_numpy().tolist() == [["chrX", 1, 22], ["HLA-A*01:01", 5, 6]]
