"""Encoders by name, and the method that measures them as they are."""

import pytest
import torch
from safetensors.torch import save_file

from commonfate import methods
from commonfate.base.errors import ConfigError, UserError
from commonfate.methods.base import Encoding
from commonfate.methods.dino.settings import DinoSettings
from commonfate.methods.frozen.settings import FrozenSettings
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.models.catalogue import ARCHITECTURES, PUBLISHED_ENCODERS, VITS
from commonfate.models.encoders import create, formats
from commonfate.weights import Asset, published_assets

IMAGES = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def test_random_encoders_follow_their_seed_alone():
    before = torch.get_rng_state()
    first, same, other = (create.create("random.vit_smoke_8", seed)(IMAGES) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first["tokens"], same["tokens"])
    assert not torch.allclose(first["tokens"], other["tokens"])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_can_be_made(name):
    with torch.device("meta"):
        encoder = create.create(f"random.{name}")
    if name in VITS:
        assert (encoder.dim, encoder.patch) == (VITS[name].dim, VITS[name].patch)


def test_published_encoders_have_addresses_and_architectures():
    assert set(PUBLISHED_ENCODERS) <= set(published_assets())
    assert set(PUBLISHED_ENCODERS.values()) <= set(ARCHITECTURES)
    every = {name for name, asset in published_assets().items() if asset.kind == "encoder"}
    assert every <= set(PUBLISHED_ENCODERS)


def test_published_weights_are_fetched(tmp_path, monkeypatch):
    path, fetched = tmp_path / "weights.pth", []
    encoder = create.create("random.vit_smoke_8", 7)
    state = encoder.network.state_dict()
    torch.save({"teacher": {f"backbone.{key}": value for key, value in state.items()}}, path)

    def fetch(asset: Asset):
        fetched.append(asset.name)
        return path

    monkeypatch.setattr(create.weights, "fetch", fetch)
    loaded = create.create("dino.vits16.full")
    assert fetched == ["dino.vits16.full"]
    assert torch.equal(loaded.network.pos_embed, encoder.network.pos_embed)


def test_unknown_names_are_refused():
    with pytest.raises(
        UserError, match=r"'dino.vits61' is neither a file nor known; did you mean d"
    ):
        create.create("dino.vits61")
    with pytest.raises(UserError, match=r"random\.vit_smal_16"):
        create.create("random.vit_smal_16")


def test_frozen_is_a_method_with_an_encoder():
    settings = FrozenSettings(encoder="random.vit_smoke_8", seed=5)
    method = methods.create_encoding(settings)
    assert isinstance(method, Encoding)
    expected = create.create("random.vit_smoke_8", 5)(IMAGES)["tokens"]
    assert torch.equal(method.encoder(None)(IMAGES)["tokens"], expected)
    assert method.description == {"network": "random.vit_smoke_8"}


def test_roles_are_told_apart():
    with pytest.raises(ConfigError, match="dino predicts no segments, it gives features"):
        methods.create_segmenting(DinoSettings())
    with pytest.raises(ConfigError, match="gwm has no encoder, it gives masks"):
        methods.create_encoding(GwmSettings())


@pytest.mark.parametrize(
    ("values", "slug"),
    [
        ({}, ("dino.vits16",)),
        ({"encoder": "random.vit_small_8", "seed": 2}, ("random.vit_small_8", "s2")),
        ({"encoder": "/home/me/my run-2.pth"}, ("my_run_2.pth.ffafd7",)),
        ({"encoder": "dino.vits8.full", "part": "student"}, ("dino.vits8.full", "student")),
    ],
)
def test_runs_are_named_by_their_weights(values, slug):
    assert FrozenSettings(**values).slug == slug


def test_heads_of_64_channels_are_the_rule():
    assert formats.HEAD_DIM == 64
    assert all(vit.dim // vit.heads == 64 for name, vit in VITS.items() if name != "vit_smoke_8")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Two encoders for the package; the files that it ships."""
    files = {}
    monkeypatch.setattr("commonfate.weights.bundled", lambda kind=None: dict(files))
    for seed, name in enumerate(("vit_smoke_8.photos", "other")):
        path = tmp_path / f"{name}.safetensors"
        save_file(create.create("random.vit_smoke_8", seed).network.state_dict(), path)
        files[name] = path
    return files


def test_the_bundled_encoder_needs_no_name(shipped):
    with pytest.raises(ValueError, match=r"encoder bundled: 2 enc.* vit_smoke_8\.photos, other"):
        FrozenSettings(encoder="bundled")
    del shipped["other"]
    settings = FrozenSettings(encoder="bundled")
    assert (settings.encoder, settings.slug) == ("vit_smoke_8.photos", ("vit_smoke_8.photos",))
    expected = create.create("random.vit_smoke_8", 0)(IMAGES)["tokens"]
    for name in ("bundled", "vit_smoke_8.photos"):
        assert torch.equal(create.create(name)(IMAGES)["tokens"], expected)
    shipped.clear()
    with pytest.raises(ConfigError, match="0 encoders ship with this package; name one of: none"):
        create.create("bundled")


def test_random_weights_have_no_parts():
    with pytest.raises(ConfigError, match="vit_smoke_8: has no part 'teacher'; random weights"):
        create.create("random.vit_smoke_8", part="teacher")


def test_files_of_one_name_are_runs_of_their_own():
    slugs = {FrozenSettings(encoder=f"{run}/checkpoint.pt").slug for run in ("first", "second")}
    assert len(slugs) == 2
