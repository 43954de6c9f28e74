"""Parity with the forwarder of TimeT (timet_forward.npz)."""

import pytest

from commonfate.models.forwarder import forward, window
from commonfate.models.settings import ForwarderSettings


@pytest.fixture
def data(recorded):
    return recorded("timet_forward.npz")


def propagated(data, group, settings=None):
    tensors, side = data.tensors(), int(data[f"{group}/side"])
    features = tensors[f"{group}/backbone_features"].unflatten(1, (side, side))
    return forward(features[None], tensors[f"{group}/first_map"][None], settings)[0]


@pytest.mark.parametrize("group", ["square", "small"])
def test_released(data, group):
    data.check(f"{group}/propagated_maps", propagated(data, group))


@pytest.mark.parametrize(
    ("variant", "settings"),
    [
        ("topk1", ForwarderSettings(top_k=1)),
        ("no_neighbourhood", ForwarderSettings(window=None)),
        ("window2", ForwarderSettings(window=2)),
        ("context1", ForwarderSettings(context=1)),
    ],
)
def test_variants(data, variant, settings):
    data.check(f"square/{variant}/propagated_last", propagated(data, "square", settings)[-1])


def test_listing_of_the_paper(data):
    ours = propagated(data, "square", ForwarderSettings.listing())
    data.check("square/paper_listing1_propagated_maps", ours)


@pytest.mark.parametrize("shape", ["4x6", "5x5"])
def test_window(data, shape):
    (key,) = [key for key in data if key.startswith(f"neighbourhood_mask_{shape}")]
    height, width = map(int, shape.split("x"))
    data.check(key, window(height, width, int(key[-1])).float())


@pytest.mark.parametrize("group", ["loss", "loss_teacher"])
def test_assignments_of_several_clips_at_once(data, group):
    tensors = data.tensors()
    features = tensors["loss/backbone_features"].unflatten(2, (9, 9))
    first = tensors[f"{group}/Q_source"].mT.unflatten(2, (9, 9))
    last = forward(features, first)[:, -1]
    data.check(f"{group}/propagated_last", last)
    data.check(f"{group}/target_labels", last.argmax(1))
