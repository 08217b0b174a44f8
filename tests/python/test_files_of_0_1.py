"""What version 0.1 wrote: models load, checkpoints are refused."""

import numpy as np
import pytest
import torch

import smartcore as sm
from smartcore.params import PRESETS

QUICK = {"epochs": 3, "latent_dim": 8}
UNFILTERED = [name for name, params in PRESETS.items() if params.view == "features"]


@pytest.mark.parametrize("preset", UNFILTERED)
def test_models_of_version_0_1_embed_as_they_did(tissue, tmp_path, preset):
    features, coords, _ = tissue
    result = sm.integrate(features, coords, preset=preset, **QUICK)
    new = {"view", "regions", "principal_axes"}
    params = {name: x for name, x in result.params.plain().items() if name not in new}
    content = {
        "format": 3,
        "n_features": {name: x.shape[1] for name, x in features.items()},
        "params": params,
        "state": result.model.state_dict(),
    }
    torch.save(content, tmp_path / "model.pt")
    model = sm.SMART.load(tmp_path / "model.pt")
    assert model.params == result.params
    np.testing.assert_array_equal(sm.embed(model, features, coords), result.embedding)
    # What is saved again is of today.
    model.save(tmp_path / "again.pt")
    again = sm.SMART.load(tmp_path / "again.pt")
    np.testing.assert_array_equal(sm.embed(again, features, coords), result.embedding)


def test_models_of_other_formats_are_refused(tmp_path):
    path = tmp_path / "model.pt"
    sm.SMART({"a": 3}, sm.Params(view="features")).save(path)
    content = torch.load(path, weights_only=True)
    for number in (2, 99):
        torch.save({**content, "format": number}, path)
        with pytest.raises(ValueError, match=f"not a model saved by smartcore: format {number}"):
            sm.SMART.load(path)


def test_checkpoints_of_version_0_1_are_refused(tissue, tmp_path):
    features, coords, _ = tissue
    path = tmp_path / "state.pt"

    def stop(epoch, losses):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sm.integrate(
            features, coords, checkpoint=path, checkpoint_seconds=0, callback=stop, **QUICK
        )
    content = torch.load(path, weights_only=True)
    for name in ("view", "regions", "principal_axes"):
        del content["params"][name]
    torch.save({**content, "format": 1}, path)
    before = path.read_bytes()
    with pytest.raises(
        ValueError, match=r"another version of smartcore \(format 1, not 2\)\. Remove it to start"
    ):
        sm.integrate(features, coords, checkpoint=path, **QUICK)
    assert path.read_bytes() == before
