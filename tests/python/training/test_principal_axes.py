"""The embedding lies on its principal axes, and the decoder with it."""

import numpy as np
import pytest
import torch
from scipy.stats import ortho_group

import smartcore as sm
from smartcore.network.layers import GraphTensors
from smartcore.params import Params
from smartcore.spatial.graph import spatial_graph


@pytest.mark.parametrize("decoder", ["isometric", "linear"])
@pytest.mark.parametrize("latent_dim", [6, 16])
@pytest.mark.parametrize("step_spots", [None, 60])
def test_columns_are_principal_components(tissue, decoder, latent_dim, step_spots):
    """In fewer and in more dimensions than features, at once and in tiles."""
    features, coords, _ = tissue
    given = {"decoder": decoder, "latent_dim": latent_dim, "step_spots": step_spots, "epochs": 4}
    result = sm.integrate(features, coords, **given)
    z = result.embedding.astype(np.float64)
    covariance = np.cov(z.T)
    variance = np.diag(covariance)
    assert (np.diff(variance) <= 1e-6 * variance[0]).all()
    assert np.abs(covariance - np.diag(variance)).max() < 1e-5 * variance[0]
    np.testing.assert_array_equal(sm.embed(result.model, features, coords), result.embedding)
    # Only the axes are others: distances are those of the embedding that was not turned.
    plain = sm.integrate(features, coords, principal_axes=False, **given).embedding
    np.testing.assert_allclose(
        torch.pdist(torch.from_numpy(result.embedding)),
        torch.pdist(torch.from_numpy(plain)),
        atol=1e-5 * np.sqrt(variance.sum()),
    )


@pytest.mark.parametrize("decoder", ["isometric", "linear"])
@pytest.mark.parametrize("latent_dim", [6, 10, 16])
def test_a_turn_leaves_decoded_values_as_they_are(tissue, decoder, latent_dim):
    features, coords, _ = tissue
    params = Params(decoder=decoder, latent_dim=latent_dim, view="features")
    model = sm.SMART({name: x.shape[1] for name, x in features.items()}, params, seed=1)
    graph = GraphTensors.from_scipy(spatial_graph(coords))
    inputs = [torch.from_numpy(x).float() for x in features.values()]
    axes = ortho_group.rvs(latent_dim, random_state=0).astype(np.float32)
    with torch.no_grad():
        z, decoded = model(inputs, graph)
        model.turn(axes)
        turned, again = model(inputs, graph)
    torch.testing.assert_close(turned, z @ torch.from_numpy(axes), atol=1e-5, rtol=1e-4)
    for before, after in zip(decoded, again, strict=True):
        torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)
