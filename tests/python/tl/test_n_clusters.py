"""Numbers of clusters scored, against scikit-learn and brute force."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score

from helpers.clustering import ANY_METHOD, blobs
from smartcore.clustering import cluster_embedding, reduce_embedding, row_order
from smartcore.tl._n_clusters import score_n_clusters


class TestScores:
    def test_criteria_are_sklearns(self):
        x, _ = blobs((40, 60, 50), distance=5)
        numbers = [2, 3, 5]
        table = score_n_clusters(x, numbers, method="kmeans", n_pcs=4, seed=1, progress=False)
        assert table.index.tolist() == numbers
        assert table.index.name == "n_clusters"
        z = reduce_embedding(x, 4)
        order = row_order(z)
        for k in numbers:
            labels = np.empty(len(z))
            labels[order] = KMeans(k, n_init=10, random_state=1).fit_predict(z[order])
            assert table.loc[k, "silhouette"] == pytest.approx(silhouette_score(z, labels))
            assert table.loc[k, "davies_bouldin"] == pytest.approx(davies_bouldin_score(z, labels))
        expected = (
            rankdata(-table["silhouette"])
            + rankdata(table["davies_bouldin"])
            + rankdata(-table["stability"])
        ) / 3
        np.testing.assert_allclose(table["rank"], expected)

    def test_stability_by_brute_force(self, monkeypatch):
        import smartcore.clustering._partitioner as module

        x = np.random.default_rng(0).normal(size=(40, 3)).round(6)
        where = {row.tobytes(): i for i, row in enumerate(x)}
        seen = []

        def spy(z, k, **options):
            labels = np.random.default_rng(len(seen)).integers(k, size=len(z)).astype(np.int32)
            seen.append({where[row.tobytes()]: label for row, label in zip(z, labels, strict=True)})
            return labels

        monkeypatch.setattr(module, "cluster_embedding", spy)
        table = score_n_clusters(
            x, [3], method="gmm", n_pcs=None, n_repeats=3, subsample=0.7, progress=False
        )
        assert [len(labels) for labels in seen] == [40, 28, 28, 28]
        agreement = []
        for i, j in [(1, 2), (1, 3), (2, 3)]:
            both = sorted(seen[i].keys() & seen[j].keys())
            pairs = [[run[spot] for spot in both] for run in (seen[i], seen[j])]
            agreement.append(adjusted_rand_score(*pairs))
        assert table.loc[3, "stability"] == pytest.approx(np.mean(agreement))

    @pytest.mark.filterwarnings("ignore:n_clusters=3 is not scored")
    @pytest.mark.parametrize("method", ANY_METHOD)
    def test_plain_groups_are_counted(self, method):
        x, _ = blobs((60, 70, 50, 60), width=5)
        table = score_n_clusters(
            x, range(3, 6), method=method, n_neighbors=80, n_repeats=2, progress=False
        )
        assert table.attrs["suggested"] == 4
        assert table.loc[4, "stability"] == 1

    def test_ties_go_to_fewer(self, monkeypatch):
        import smartcore.tl._n_clusters as module

        monkeypatch.setattr(module, "_defined", lambda score, z, labels: 0.0)
        monkeypatch.setattr("sklearn.metrics.adjusted_rand_score", lambda a, b: 0.0)
        table = score_n_clusters(blobs()[0], [4, 2, 3, 3], method="kmeans", progress=False)
        assert table.index.tolist() == [2, 3, 4]
        assert table.attrs["suggested"] == 2

    def test_silhouette_of_many_spots_is_sampled(self, monkeypatch):
        import smartcore.tl._n_clusters as module

        monkeypatch.setattr(module, "_SILHOUETTE_SPOTS", 300)
        x, _ = blobs((400, 500), distance=4)
        run = [
            score_n_clusters(x, [2], method="kmeans", n_repeats=2, progress=False) for _ in range(2)
        ]
        pd.testing.assert_frame_equal(*run)
        whole = silhouette_score(x, cluster_embedding(x, 2, method="kmeans"))
        assert run[0].loc[2, "silhouette"] != whole
        assert run[0].loc[2, "silhouette"] == pytest.approx(whole, abs=0.05)

    def test_number_out_of_reach_is_nan_with_a_warning(self):
        x, _ = blobs((40, 40, 40), distance=100)
        options = {"method": "leiden", "n_neighbors": 10, "n_repeats": 2, "progress": False}
        with pytest.warns(UserWarning, match="n_clusters=2 is not scored: leiden"):
            table = score_n_clusters(x, [2, 3, 4], **options)
        assert table.loc[2].isna().all()
        assert set(table.attrs["lower_is_better"]) == {*table} - {"rank"}
        assert table.attrs["suggested"] == 3
        with (
            pytest.warns(UserWarning, match="not scored"),
            pytest.raises(ValueError, match=r"none of the numbers of clusters \[2\]"),
        ):
            score_n_clusters(x, [2], **options)

    def test_every_clustering_is_told_and_those_left_out_are_counted(self):
        x, _ = blobs((40, 40, 40), distance=100)
        told = []
        with pytest.warns(UserWarning, match="n_clusters=2 is not scored"):
            score_n_clusters(
                x,
                [2, 3],
                method="leiden",
                n_neighbors=10,
                n_repeats=2,
                progress=False,
                callback=lambda *at: told.append(at),
            )
        assert told == [(3, 6), (4, 6), (5, 6), (6, 6)]

    def test_progress_on_standard_error_only(self, capsys):
        x, _ = blobs()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm without ipywidgets
            score_n_clusters(x, [2, 3], method="kmeans", n_repeats=2)
        out, err = capsys.readouterr()
        assert out == ""
        assert "6/6" in err
        score_n_clusters(x, [2, 3], method="kmeans", n_repeats=2, progress=False)
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"n_clusters": [2, 17]}, ValueError, r"up to 17.*16 of the 20 spots.*at most 16"),
            ({"n_clusters": [1, 2]}, ValueError, "n_clusters=1"),
            ({"n_clusters": []}, ValueError, "empty"),
            ({"n_clusters": 5}, TypeError, "n_clusters=5: give several"),
            ({"n_clusters": [2.0]}, TypeError, "n_clusters=2.0"),
            ({"n_repeats": 1}, ValueError, "n_repeats=1"),
            ({"subsample": 1}, ValueError, "subsample=1"),
            ({"subsample": 0.5}, ValueError, "subsample=0.5"),
            ({"subsample": "0.8"}, TypeError, "subsample='0.8'"),
            ({"method": "x"}, ValueError, "unknown method 'x'"),
        ],
    )
    def test_bad_input(self, options, error, message):
        x = np.random.default_rng(0).normal(size=(20, 3))
        with pytest.raises(error, match=message):
            score_n_clusters(x, **{"n_clusters": [2, 3], "progress": False, **options})

    def test_too_few_spots(self):
        with pytest.raises(ValueError, match="3 spots are too few"):
            score_n_clusters(np.eye(3), [2], progress=False)

    def test_too_few_distinct_spots(self):
        x = np.repeat(np.eye(3), 10, axis=0)
        with pytest.raises(ValueError, match=r"up to 4.*as few as 3 distinct"):
            score_n_clusters(x, [2, 4], method="gmm", progress=False)
