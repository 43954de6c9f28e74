"""Dense features and the frames that they are computed of."""

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from commonfate.base.errors import ConfigError, UserError
from commonfate.models import dino_keys, features
from commonfate.models.catalogue import MULTIPLE
from commonfate.models.encoders.positions import positions
from commonfate.models.frame import resize_frame, to_image
from commonfate.weights import Asset, published_assets


def test_pixel_features_are_standardised():
    frame = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    result = features.create("pixels")(frame)
    assert result.shape == (14, 40, 60)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result.mean((1, 2)), torch.zeros(14), atol=1e-5, rtol=0)
    torch.testing.assert_close(result.std((1, 2), unbiased=False), torch.ones(14))


def test_pixel_features_of_a_plain_frame_are_zero():
    assert not features.create("pixels")(np.full((20, 30, 3), 99, np.uint8)).any()


def test_pixel_features_tell_stripes_by_their_direction():
    """Left: vertical stripes; right: horizontal ones, of the same colours."""
    y, x = np.mgrid[:48, :96]
    stripes = np.where(x < 48, x, y) // 4 % 2
    frame = np.repeat((80 + 100 * stripes[..., None]).astype(np.uint8), 3, axis=2)
    result = features.create("pixels")(frame)
    along_x, along_y = result[6], result[8]  # energy of the gradient at 0 and at 90 degrees
    assert along_x[:, 8:40].mean() > 0.5 > -0.5 > along_x[:, 56:88].mean()
    assert along_y[:, 8:40].mean() < -0.5 < 0.5 < along_y[:, 56:88].mean()


def test_unknown_features():
    with pytest.raises(ConfigError, match=r"'pixel' is unknown; did you mean pixels\?"):
        features.create("pixel")


@pytest.fixture
def tiny_dino(monkeypatch):
    """The same kind of network, small enough for a test: 64 channels, patch 16, learned at 160."""
    monkeypatch.setitem(dino_keys.ARCHITECTURES, "dino_vits16", "test_vit")
    features._make.cache_clear()
    torch.manual_seed(0)
    network = timm.create_model("test_vit", num_classes=0, dynamic_img_size=True).eval()
    network.requires_grad_(False).pos_embed.normal_()
    yield network
    features._make.cache_clear()


def saved(network, path) -> str:
    torch.save(network.state_dict(), path)
    return str(path)


def test_names_of_features_and_networks_agree():
    assert set(MULTIPLE) == {*dino_keys.ARCHITECTURES, "pixels"}
    for name, architecture in dino_keys.ARCHITECTURES.items():
        assert name.replace("_", ".") in published_assets()
        assert f"_patch{MULTIPLE[name]}_" in architecture


def test_dino_keys_are_those_of_the_last_layer(tiny_dino, tmp_path):
    frame = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    result = features.create("dino_vits16", saved(tiny_dino, tmp_path / "weights.pth"))(frame)
    assert result.shape == (64, 10, 10)
    assert result.dtype == torch.float32

    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (dino_keys.MEAN, dino_keys.STD))
    image = (to_image(frame) - mean) / std
    seen = []
    hook = lambda _, __, output: seen.append(output)  # noqa: E731
    tiny_dino.blocks[-1].attn.qkv.register_forward_hook(hook)
    tiny_dino(image[None])  # at the size where timm interpolates nothing
    keys = seen[0][0, 1:, 64:128]  # queries, keys, values; without the class token
    torch.testing.assert_close(result.flatten(1).T, keys)


def test_dino_keys_at_another_size(tiny_dino, tmp_path):
    frame = np.zeros((48, 208, 3), np.uint8)
    result = features.create("dino_vits16", saved(tiny_dino, tmp_path / "weights.pth"))(frame)
    assert result.shape == (64, 3, 13)
    assert result.isfinite().all()


def cubic(distance: torch.Tensor) -> torch.Tensor:
    """Keys' kernel with torch's a = -0.75."""
    a, x = -0.75, distance.abs()
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * (x**3 - 5 * x**2 + 8 * x - 4)
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))


def test_positions_are_sampled_as_dino_does():
    values = torch.tensor([3.0, -1, 4, 1, -5, 9, 2, -6, 5, 3])
    learned = values.repeat(10, 1)  # each column of patches has a value
    embedding = torch.cat([torch.tensor([-7.0]), learned.flatten()]).view(1, 101, 1)
    result = positions(embedding, (12, 16))
    assert result.shape == (1, 1 + 12 * 16, 1)
    assert result[0, 0, 0] == -7
    where = (torch.arange(16) + 0.5) * 10 / 16.1 - 0.5
    expected = cubic(where[:, None] - torch.arange(10)) @ values
    inside = slice(3, 13)  # the border is repeated
    for row in result[0, 1:, 0].view(12, 16):
        torch.testing.assert_close(row[inside], expected[inside])
    assert positions(embedding, (10, 10)) is embedding


def test_dino_refuses_frames_that_are_not_whole_patches(tiny_dino, tmp_path):
    extractor = features.create("dino_vits16", saved(tiny_dino, tmp_path / "weights.pth"))
    with pytest.raises(ValueError, match="multiples of 16 for dino_vits16, found 24x48"):
        extractor(np.zeros((24, 48, 3), np.uint8))


def test_published_weights_are_fetched_and_read_once(tiny_dino, tmp_path, monkeypatch):
    fetched = []

    def fetch(asset):
        fetched.append(asset.name)
        return tmp_path / "weights.pth"

    monkeypatch.setattr(dino_keys, "fetch", fetch)
    saved(tiny_dino, tmp_path / "weights.pth")
    first, second = (features.create("dino_vits16") for _ in range(2))
    assert first is second
    assert fetched == ["dino.vits16"]


def test_weights_of_timm_fit(tiny_dino, tmp_path):
    save_file(tiny_dino.state_dict(), tmp_path / "model.safetensors")
    frame = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    files = [str(tmp_path / "model.safetensors"), saved(tiny_dino, tmp_path / "weights.pth")]
    first, second = (features.create("dino_vits16", file)(frame) for file in files)
    assert torch.equal(first, second)


def test_the_file_of_an_extractor_is_the_one_that_it_loads(tmp_path, monkeypatch):
    own = tmp_path / "own.pth"
    own.touch()
    monkeypatch.setattr(dino_keys, "fetch", lambda asset: own.with_name(asset.name))
    own.with_name("dino.vits16").touch()
    assert features.weights_file("pixels") is None
    assert features.weights_file("dino_vits16", str(own)) == own
    assert features.weights_file("dino_vits16") == tmp_path / "dino.vits16"


def test_weights_file_is_missing(tmp_path):
    path = tmp_path / "dino.pth"
    with pytest.raises(UserError, match=rf"{path}: no such file; .*dino_deitsmall8_pretrain\.pth"):
        features.create("dino_vits8", str(path))


def test_weights_file_is_of_another_network(tiny_dino, tmp_path):
    path = tmp_path / "resnet.pth"
    torch.save({"conv1.weight": torch.zeros(3)}, path)
    with pytest.raises(UserError, match=rf"{path}: not the weights of dino_vits16: .* missing"):
        features.create("dino_vits16", str(path))


def test_weights_file_is_text(tiny_dino, tmp_path):
    path = tmp_path / "dino.pth"
    path.write_text("not weights")
    with pytest.raises(UserError, match=rf"{path}: is no file that torch.save"):
        features.create("dino_vits16", str(path))


def test_weights_that_cannot_be_fetched(tmp_path, monkeypatch):
    asset = Asset("dino.vits8", (), "dino.pth", None)
    monkeypatch.setattr(dino_keys, "published_assets", lambda: {asset.name: asset})
    monkeypatch.setenv("COMMONFATE_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match=r"dino\.vits8: cannot be fetched: .* put it as dino\.pth"):
        features.create("dino_vits8")


def test_resize_frame_keeps_a_ramp():
    ramp = np.repeat(np.arange(0, 240, 2, dtype=np.uint8)[None, :, None], 3, axis=2)
    frame = np.repeat(ramp, 40, axis=0)
    result = resize_frame(frame, (20, 60))
    assert result.shape == (20, 60, 3)
    expected = np.arange(60) * 4 + 1.0  # pixel centres: mean of the two that it covers
    np.testing.assert_allclose(result[10, 5:-5, 0], expected[5:-5], atol=1)
    assert resize_frame(frame, frame.shape[:2]) is frame


def test_resize_frame_smooths_before_a_reduction():
    checkers = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    result = resize_frame(checkers, (16, 16))
    assert abs(int(result.min()) - 127) < 12
    assert abs(int(result.max()) - 127) < 12


def test_to_image():
    frame = np.zeros((2, 3, 3), np.uint8)
    frame[1, 2] = [255, 51, 0]
    result = to_image(frame)
    assert result.shape == (3, 2, 3)
    torch.testing.assert_close(result[:, 1, 2], torch.tensor([1.0, 0.2, 0.0]))
