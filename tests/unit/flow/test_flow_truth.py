"""Exact flow of the embedded data, beside flow that is estimated from the same frames."""

import numpy as np
import pytest

from commonfate.config import FlowSource
from commonfate.datasets.sprites import annotate, render, scene, truth
from commonfate.errors import UserError
from commonfate.flow import providers

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
    provider = providers.create(source, "cpu")
    return {(gap, t): flow for gap, t, flow in provider.flows(*sprite, gaps)}


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


def test_within_a_gap_frames_come_in_order(sprite):
    provider = providers.create(FlowSource(estimator="truth"), "cpu")
    order = [(gap, t) for gap, t, _ in provider.flows(*sprite, (-1, 2))]
    assert [t for gap, t in order if gap == -1] == [1, 2, 3]
    assert [t for gap, t in order if gap == 2] == [0, 1]


def test_truth_is_an_input_with_a_hash_of_its_own(sprite):
    provider = providers.create(FlowSource(estimator="truth"), "cpu")
    assert provider.inputs([sprite[0]]) == [sprite[0]["truth"]]
    assert provider.weights_sha256 is None
    assert not providers.runs_on_gpu(FlowSource(estimator="truth"))
    assert providers.runs_on_gpu(FlowSource(estimator="raft"))


def test_other_videos_have_no_truth(sprite):
    row = {**sprite[0], "truth": ""}
    with pytest.raises(UserError, match="its flow is not known exactly, only that of the embedded"):
        flows(FlowSource(estimator="truth"), (row, sprite[1]), (1,))
    with pytest.raises(UserError, match="truth: it has no weights; leave it out"):
        providers.create(FlowSource(estimator="truth", weights="things"), "cpu")
