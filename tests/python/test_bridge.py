"""What the R package hears from the core while it trains."""

import ctypes
import signal

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

from smartcore import _bridge, _feedback, pp
from smartcore.clustering import cluster_embedding
from smartcore.tl._n_clusters import score_n_clusters


def embed(epochs, hear):
    xy = np.argwhere(np.ones((6, 6))).astype(float)
    x = np.random.default_rng(0).normal(size=(36, 12)) + np.sin(xy[:, :1])
    return _bridge.run(
        {"rna": x},
        {"rna": np.arange(36)},
        xy,
        on_epoch=hear,
        params={"epochs": epochs, "stop_slope": 0.0},
    )["history"]


@pytest.mark.parametrize("epochs", [1, 7])
@pytest.mark.parametrize("seconds", [0.0, np.inf])
def test_reports_are_few_but_the_first_and_the_last(epochs, seconds, monkeypatch):
    monkeypatch.setattr(_feedback, "BETWEEN_REPORTS", seconds)
    heard = []
    history = embed(epochs, lambda *told: heard.append(told))
    every = list(zip(history["epoch"], [epochs] * epochs, history["total"], strict=True))
    expected = every if seconds == 0 else list(dict.fromkeys([every[0], every[-1]]))
    assert heard == expected


def test_who_hears_of_epochs_may_end_the_training():
    heard = []
    with pytest.raises(KeyboardInterrupt):
        embed(1000, lambda *told: heard.append(told) or True)
    assert len(heard) == 1


def test_an_interrupt_is_python_s_while_it_works_and_handlers_come_back():
    below = ctypes.pythonapi.PyOS_getsig
    below.restype = ctypes.c_void_p
    mine = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        before = below(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            embed(1000, lambda *_: signal.raise_signal(signal.SIGINT))
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert below(signal.SIGINT) == before
    finally:
        signal.signal(signal.SIGINT, mine)


class TestChoose:
    x = np.random.default_rng(0).normal(size=(60, 4)) + 6 * np.repeat(np.eye(4), 15, axis=0)

    def test_it_is_what_python_chooses(self):
        expected = score_n_clusters(self.x, [2, 3, 4], seed=3, progress=False)
        told = []
        found = _bridge.choose(
            self.x, [4, 2, 3], "shrunk", seed=3, on_clustering=lambda *at: told.append(at)
        )
        for name, column in found["table"].items():
            np.testing.assert_array_equal(column, expected.reset_index()[name])
        assert found["suggested"] == expected.attrs["suggested"]
        assert found["n_spots"] == 60
        assert found["criteria"] == [n for n in found["table"] if n not in ("n_clusters", "rank")]
        assert dict(zip(found["criteria"], found["lower"], strict=True))["davies_bouldin"] is True
        assert told == [(i, 18) for i in range(1, 19)]

    def test_labels_found_elsewhere_are_scored_alike(self):
        expected = _bridge.choose(self.x, [3, 4], "kmeans", n_pcs=3)
        given = _bridge.choose_input(self.x, [4, 3], "kmeans", n_pcs=3)
        assert given["numbers"] == [3, 4]
        labels = [
            [cluster_embedding(z, k, method="kmeans", n_pcs=None) for z in given["parts"]]
            for k in given["numbers"]
        ]
        found = _bridge.choose(self.x, [4, 3], "kmeans", n_pcs=3, labels=labels)
        np.testing.assert_equal(found, expected)

    def test_a_number_without_labels_is_told_why(self):
        given = _bridge.choose_input(self.x, [3, 4], "kmeans")
        labels = [np.arange(len(z)) % 4 for z in given["parts"]]
        told = []
        found = _bridge.choose(
            self.x,
            [3, 4],
            "kmeans",
            labels=["no fit", labels],
            notify=lambda *said: told.append(said),
        )
        assert np.isnan(found["table"]["rank"]).tolist() == [True, False]
        assert found["suggested"] == 4
        assert ("warning", "n_clusters=3 is not scored: no fit") in told

    def test_who_hears_of_clusterings_may_end_them(self):
        heard = []
        with pytest.raises(KeyboardInterrupt):
            _bridge.choose(
                self.x, [2, 3], "kmeans", on_clustering=lambda *at: heard.append(at) or True
            )
        assert heard == [(1, 12)]

    def test_an_error_of_who_hears_is_not_one_of_a_number(self):
        def fail(*_):
            raise RuntimeError("R says no")

        with pytest.raises(RuntimeError, match="R says no"):
            _bridge.choose(self.x, [2, 3], "kmeans", on_clustering=fail)


def test_a_training_goes_on_from_its_file(tmp_path):
    xy = np.argwhere(np.ones((6, 6))).astype(float)
    x = np.random.default_rng(0).normal(size=(36, 12)) + np.sin(xy[:, :1])
    file = tmp_path / "state.pt"

    def run(hear, **options):
        params = {"epochs": 6, "stop_slope": 0.0}
        return _bridge.run(
            {"rna": x}, {"rna": np.arange(36)}, xy, on_epoch=hear, params=params, **options
        )["embedding"]

    with pytest.raises(KeyboardInterrupt):
        run(lambda *_: True, checkpoint=str(file), checkpoint_seconds=0.0)
    assert file.exists()
    np.testing.assert_array_equal(run(None, checkpoint=str(file)), run(None))
    assert not file.exists()


@pytest.mark.parametrize(
    ("preset", "params", "device", "problem"),
    [
        ("best", {}, "cpu", "preset='best' is not known"),
        ("robust", {"epochs": -1.0}, "cpu", "epochs=-1 must be a whole number"),
        ("robust", {}, "abacus", "device='abacus' is not known"),
    ],
)
def test_settings_are_refused_before_there_is_anything_to_run_them_on(
    preset, params, device, problem
):
    with pytest.raises(ValueError, match=problem):
        _bridge.check(preset, params, device)
    # R's whole numbers are floats.
    assert _bridge.check("robust", {"epochs": 3.0}, "cpu") is None


class TestComponentsOfValues:
    rng = np.random.default_rng(0)
    x = rng.gamma(2, 1000, (60, 9)).astype(np.float32)
    names = tuple(f"mz{i}" for i in range(9))

    def found(self, kind, parts, features, **options):
        return _bridge.components(kind, parts, features=features, n_comps=4.0, **options)

    @pytest.mark.parametrize("kind", ["other", "embedding"])
    def test_they_are_those_of_pp(self, kind):
        steps = {"other": ["log1p", "total", "scale"], "embedding": "scale"}[kind]
        x = self.x.copy()
        x[[3, 8]] = np.nan
        adata = ad.AnnData(x)
        function = {"other": pp.features, "embedding": pp.embedding}[kind]
        with pytest.warns(UserWarning, match="2 of 60"):
            function(adata, steps=steps, n_comps=4)
        parts = [sp.csr_matrix(x[:20]), sp.csr_matrix(x[20:])]
        told = []
        found = self.found(
            kind, parts, self.names, steps=steps, notify=lambda *said: told.append(said)
        )
        there = np.setdiff1d(np.arange(60), [3, 8])
        np.testing.assert_array_equal(found["components"], adata.obsm["X_pca"][there])
        np.testing.assert_array_equal(found["measured"], there)
        assert [text[:7] for level, text in told if level == "warning"] == ["2 of 60"]

    def test_sections_share_features_by_name(self):
        parts = {"a": [sp.csr_matrix(self.x[:30])], "b": [sp.csr_matrix(self.x[30:, ::-1])]}
        names = {"a": self.names, "b": self.names[::-1]}
        found = self.found("other", parts, names, sections=np.repeat([1, 2], 30))
        adata = ad.AnnData(self.x)
        adata.obs["s"] = np.repeat(["a", "b"], 30)
        pp.features(adata, n_comps=4, section_key="s")
        np.testing.assert_array_equal(found["components"], adata.obsm["X_pca"])

    def test_vectors_of_other_dimensions_are_refused(self):
        parts = {"a": [sp.csr_matrix(self.x)], "b": [sp.csr_matrix(self.x[:, 1:])]}
        names = {"a": self.names, "b": self.names[1:]}
        with pytest.raises(ValueError, match=r"section 'b' have other dimensions.*\(8 and 9\)"):
            self.found("embedding", parts, names)

    def test_cells_are_numbered_from_1_in_messages(self):
        x = self.x.copy()
        x[4, 2] = np.nan
        with pytest.raises(ValueError, match=r"'cell 5'.*'mz2'"):
            self.found("other", [sp.csr_matrix(x)], self.names)
