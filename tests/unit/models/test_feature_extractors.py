"""Dense features and the frames that they are computed of."""

import numpy as np
import pytest
import torch

from commonfate.errors import ConfigError, UserError
from commonfate.models import dino_keys, features
from commonfate.models.frame import resize_frame, to_image


def test_pixel_features_are_standardised():
    frame = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    found = features.create("pixels")(frame)
    assert found.shape == (14, 40, 60)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.mean((1, 2)), torch.zeros(14), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std((1, 2), unbiased=False), torch.ones(14))


def test_pixel_features_of_a_plain_frame_are_zero():
    assert not features.create("pixels")(np.full((20, 30, 3), 99, np.uint8)).any()


def test_pixel_features_tell_stripes_by_their_direction():
    """Left: vertical stripes; right: horizontal ones, of the same colours."""
    y, x = np.mgrid[:48, :96]
    stripes = np.where(x < 48, x, y) // 4 % 2
    frame = np.repeat((80 + 100 * stripes[..., None]).astype(np.uint8), 3, axis=2)
    found = features.create("pixels")(frame)
    along_x, along_y = found[6], found[8]  # energy of the gradient at 0 and at 90 degrees
    assert along_x[:, 8:40].mean() > 0.5 > -0.5 > along_x[:, 56:88].mean()
    assert along_y[:, 8:40].mean() < -0.5 < 0.5 < along_y[:, 56:88].mean()


def test_unknown_features():
    with pytest.raises(ConfigError, match=r"'pixel' is unknown; did you mean pixels\?"):
        features.create("pixel")


@pytest.fixture
def tiny_dino(monkeypatch):
    """The same kind of network, small enough for a test."""
    monkeypatch.setattr(dino_keys, "ARCHITECTURE", "test_vit")  # timm's, 64 channels, patch 16
    monkeypatch.setattr(dino_keys, "PATCH", 16)
    import timm

    torch.manual_seed(0)
    return timm.create_model("test_vit", num_classes=0, dynamic_img_size=True)


def test_dino_keys_are_those_of_the_last_layer(tiny_dino, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(tiny_dino.state_dict(), path)
    frame = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    found = features.create("dino_vits8", str(path))(frame)
    assert found.shape == (64, 2, 3)
    assert found.dtype == torch.float32

    network = tiny_dino.eval()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (dino_keys.MEAN, dino_keys.STD))
    image = (to_image(frame) - mean) / std
    with torch.no_grad():
        tokens = network.forward_intermediates(
            image[None],
            indices=[len(network.blocks) - 2],
            return_prefix_tokens=True,
            norm=False,
            output_fmt="NLC",
            intermediates_only=True,
        )[0][0]
        block = network.blocks[-1]
        keys = block.attn.qkv(block.norm1(tokens))[0, :, 64:128]
    torch.testing.assert_close(found.flatten(1).T, keys)


def test_dino_refuses_frames_that_are_not_whole_patches(tiny_dino, tmp_path):
    torch.save(tiny_dino.state_dict(), tmp_path / "weights.pth")
    extractor = features.create("dino_vits8", str(tmp_path / "weights.pth"))
    with pytest.raises(ValueError, match="multiples of"):
        extractor(np.zeros((30, 48, 3), np.uint8))


def test_weights_file_is_missing(tmp_path):
    path = tmp_path / "dino.pth"
    with pytest.raises(UserError, match=rf"{path}: no such file; .*dino_deitsmall8_pretrain\.pth"):
        features.create("dino_vits8", str(path))


def test_weights_file_is_of_another_network(tiny_dino, tmp_path):
    path = tmp_path / "resnet.pth"
    torch.save({"conv1.weight": torch.zeros(3)}, path)
    with pytest.raises(UserError, match=rf"{path}: these are not weights of DINO"):
        features.create("dino_vits8", str(path))


def test_weights_file_is_text(tiny_dino, tmp_path):
    path = tmp_path / "dino.pth"
    path.write_text("not weights")
    with pytest.raises(UserError, match=rf"{path}: these are not weights of DINO"):
        features.create("dino_vits8", str(path))


def test_weights_that_cannot_be_downloaded(monkeypatch):
    import timm

    def offline(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(UserError, match=r"could not be downloaded \(ConnectionError\); fetch http"):
        features.create("dino_vits8")


def test_resize_frame_keeps_a_ramp():
    ramp = np.repeat(np.arange(0, 240, 2, dtype=np.uint8)[None, :, None], 3, axis=2)
    frame = np.repeat(ramp, 40, axis=0)
    found = resize_frame(frame, (20, 60))
    assert found.shape == (20, 60, 3)
    expected = np.arange(60) * 4 + 1.0  # pixel centres: mean of the two that it covers
    np.testing.assert_allclose(found[10, 5:-5, 0], expected[5:-5], atol=1)
    assert resize_frame(frame, frame.shape[:2]) is frame


def test_resize_frame_smooths_before_a_reduction():
    checkers = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    found = resize_frame(checkers, (16, 16))
    assert abs(int(found.min()) - 127) < 12
    assert abs(int(found.max()) - 127) < 12


def test_to_image():
    frame = np.zeros((2, 3, 3), np.uint8)
    frame[1, 2] = [255, 51, 0]
    found = to_image(frame)
    assert found.shape == (3, 2, 3)
    torch.testing.assert_close(found[:, 1, 2], torch.tensor([1.0, 0.2, 0.0]))
