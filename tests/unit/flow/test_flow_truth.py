"""Exact flow of the embedded data, beside flow that is estimated from the same frames."""

import numpy as np
import pytest

from commonfate.base.errors import UserError
from commonfate.datasets.sprites import annotate, render, scene, truth
from commonfate.flow.estimators import registry
from commonfate.flow.extraction.extract import extract
from commonfate.flow.settings import FlowSource
from commonfate.storage.flow import open_reader, open_writer

FRAMES = 4


@pytest.fixture(scope="module")
def sprite(tmp_path_factory):
    """A rendered video as a row of the manifest, and its frames as a store would give them."""
    path = tmp_path_factory.mktemp("sprite") / "sprite.npz"
    seeds = np.random.SeedSequence([0, 2]).spawn(2)
    for_scene, for_textures = (np.random.default_rng(seed) for seed in seeds)
    drawn = scene.draw(for_scene, 2, (128, 224), FRAMES)
    pictures = list(render.frames(drawn, render.draw_textures(for_textures, drawn)))
    seen = annotate.seen_layers(drawn)
    truth.save(path, drawn, seen, annotate.instances(drawn, seen))

    class Frames:
        def length(self, video):
            return len(pictures)

        def read(self, video, t):
            return pictures[t]

    return {"id": "sprite", "status": "ok", "truth": str(path)}, Frames()


def flows(source: FlowSource, sprite, gaps) -> dict:
    provider, (row, frames) = registry.create_provider(source, "cpu"), sprite
    found = {}
    for gap in gaps:
        for t in range(max(0, -gap), min(FRAMES, FRAMES - gap)):
            looked_at = [provider.read(row, frames, s) for s in (t, t + gap)]
            pair = tuple(provider.estimator.encode(looked_at))
            found[gap, t] = np.asarray(provider.estimator.estimate_pairs([pair])[0])
    return found


def test_estimated_flow_agrees_with_the_truth_in_every_gap_and_frame(sprite):
    gaps = (-2, -1, 1)
    exact = flows(FlowSource(estimator="truth"), sprite, gaps)
    estimated = flows(FlowSource(estimator="dis"), sprite, gaps)
    pairs = {(gap, t) for gap in gaps for t in range(FRAMES) if 0 <= t + gap < FRAMES}
    assert set(exact) == set(estimated) == pairs
    for (gap, t), flow in exact.items():
        assert flow.shape == (2, 128, 224)
        assert flow.dtype == np.float32
        visible = truth.visible_at_target(sprite[0]["truth"], t, gap)
        error = np.hypot(*(estimated[gap, t] - flow))[visible]
        # Were a sign, a component or the direction of a gap wrong, errors would be about as large
        # as the motion.
        assert np.median(error) < 0.25 * np.median(np.hypot(*flow))


def test_it_goes_into_a_store_as_any_other_without_a_look_at_the_frames(sprite, tmp_path):
    class Unread:
        def length(self, video):
            return FRAMES

        def size(self, video):
            return 128, 224

        def state(self, video):
            return ""

    source = FlowSource(estimator="truth")
    with open_writer(tmp_path / "s.zarr.zip", provenance={}, key="") as writer:
        extract([sprite[0]], Unread(), registry.create_provider(source, "cpu"), (-1, 2), writer)
    reader = open_reader(tmp_path / "s.zarr.zip")
    assert reader.gaps("sprite") == [-1, 2]
    for (gap, t), flow in flows(source, sprite, (-1, 2)).items():
        np.testing.assert_allclose(reader.read("sprite", gap, t), flow, atol=1 / 64 + 1e-6)


def test_truth_is_an_input_with_a_hash_of_its_own(sprite):
    provider = registry.create_provider(FlowSource(estimator="truth"), "cpu")
    assert provider.inputs([sprite[0]]) == [sprite[0]["truth"]]
    assert provider.weights_sha256 is None
    assert not registry.runs_on_gpu(FlowSource(estimator="truth"))
    assert registry.runs_on_gpu(FlowSource(estimator="raft"))


def test_other_videos_have_no_truth(sprite):
    row = {**sprite[0], "truth": ""}
    with pytest.raises(UserError, match="its flow is not known exactly, only that of the embedded"):
        flows(FlowSource(estimator="truth"), (row, sprite[1]), (1,))
    with pytest.raises(UserError, match="truth: it has no weights; leave it out"):
        registry.create_provider(FlowSource(estimator="truth", weights="things"), "cpu")
