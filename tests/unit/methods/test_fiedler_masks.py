"""Masks by the second eigenvector of an encoder's features."""

import numpy as np
import pytest
import torch

from commonfate.methods.fiedler import FiedlerMask
from commonfate.methods.flowdino.method import FlowDino
from commonfate.methods.flowdino.settings import FlowDinoSettings
from commonfate.methods.frozen.method import Frozen
from commonfate.methods.frozen.settings import FrozenSettings
from commonfate.models.encoders.base import Encoder
from commonfate.models.grouping.spectral import spectrum

PATCH = 4


class MeanColour(Encoder):
    """Features are the mean colour of a patch, and a constant."""

    def __init__(self, offers=("tokens", "keys")) -> None:
        super().__init__(4, PATCH)
        self.offers = offers
        self.asked = []

    def _features(self, images, names):
        self.asked.append((tuple(images.shape), names))
        colours = torch.nn.functional.avg_pool2d(images, PATCH).movedim(1, -1)
        colours = torch.cat([colours, torch.ones_like(colours[..., :1])], -1)
        return {name: colours if name in self.offers else None for name in names}


class OfColour(FiedlerMask):
    """The method with that encoder."""

    def __init__(self, encoder) -> None:
        super().__init__(FrozenSettings())
        self._encoder = encoder

    def encoder(self, model):
        return self._encoder

    encoder_in_place = encoder


def _scene(height=24, width=32) -> np.ndarray:
    """A red square before blue."""
    frame = np.full((height, width, 3), (20, 40, 200), np.uint8)
    frame[8:16, 8:20] = (220, 30, 20)
    return frame


def test_the_smaller_part_is_group_1() -> None:
    prediction = OfColour(MeanColour()).predict(None, _scene(), None)
    expected = np.zeros((6, 8), np.float32)
    expected[2:4, 2:5] = 1
    assert np.array_equal(prediction.groups[1].numpy(), expected)
    assert torch.equal(prediction.groups.sum(0), torch.ones(6, 8))
    assert torch.equal(prediction.components, prediction.groups)


def test_a_frame_of_one_colour_has_an_empty_group() -> None:
    prediction = OfColour(MeanColour()).predict(None, np.full((24, 32, 3), 90, np.uint8), None)
    assert prediction.groups[1].sum() == 0


@pytest.mark.parametrize(
    ("size", "seen"), [(None, (24, 32)), ((13, 18), (12, 20)), ((1, 1), (4, 4))]
)
def test_frames_are_resized_to_whole_patches(size, seen) -> None:
    encoder = MeanColour()
    OfColour(encoder).predict(None, _scene(25, 33), None, size=size)
    assert encoder.asked == [((1, 3, *seen), frozenset({"keys"}))]


def test_a_network_without_keys_is_grouped_by_its_tokens() -> None:
    encoder = MeanColour(("tokens",))
    OfColour(encoder).predict(None, _scene(), None)
    assert encoder.asked[0][1] == frozenset({"tokens"})


@pytest.mark.parametrize("weights_of", ["teacher", "student"])
def test_flowdino_groups_keys_of_the_network_of_its_settings(weights_of) -> None:
    sizes = {"dim": 16, "depth": 1, "heads": 2, "patch": 4, "global_crop": 20, "local_crop": 12}
    head = {"outputs": 8, "hidden": 8, "bottleneck": 4}
    method = FlowDino(FlowDinoSettings(**sizes, **head, weights_of=weights_of))
    torch.manual_seed(0)
    model = method.build().eval()
    with torch.no_grad():
        for parameter in model.student.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    prediction = method.predict(model, _scene(), None)
    image = torch.from_numpy(_scene()).permute(2, 0, 1)[None] / 255
    keys = method.encoder(model)(image, {"keys"})["keys"][0].numpy()
    expected = spectrum(keys.reshape(-1, 16), 2).fiedler_mask.reshape(6, 8)
    assert np.array_equal(prediction.groups[1].numpy() > 0, expected)
    assert 0 < expected.sum() < expected.size


def test_frozen_weights_are_read_once() -> None:
    method = Frozen(FrozenSettings(encoder="random.vit_smoke_8"))
    assert method.encoder_in_place(None) is method.encoder_in_place(None)
    assert method.predict(None, _scene(), None).groups.shape == (2, 3, 4)


def test_files_of_frozen_weights_are_named(tmp_path) -> None:
    own = tmp_path / "mine.pth"
    own.touch()
    assert Frozen(FrozenSettings(encoder=str(own))).feature_file() == own
    assert Frozen(FrozenSettings(encoder="bundled")).feature_file().is_file()
    assert Frozen(FrozenSettings(encoder="random.vit_smoke_8")).feature_file() is None
