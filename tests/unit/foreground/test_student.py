"""The network that learns from the foreground of shots."""

import numpy as np
import pytest
import torch

from commonfate.foreground import student
from helpers import moving


def silent(items, description, total):
    return items


def tokens_of(frames):
    """Mean colours of 8 x 8 pixels, in the place of an encoder's tokens."""
    count, height, width = frames.shape[:3]
    blocks = frames[:, : height // 8 * 8, : width // 8 * 8].reshape(
        count, height // 8, 8, width // 8, 8, 3
    )
    return blocks.mean((2, 4)).astype(np.float32) / 128 - 1


def lessons_of(frames, truth):
    target = truth.astype(np.float32)
    trust = np.ones(len(frames), np.float32)
    return student.lessons(frames, tokens_of(frames), target, target, trust)


@pytest.fixture(scope="module", autouse=True)
def small_windows():
    """The network sees less of each frame than usual, which takes a quarter of the time.

    Its tensors are so small that a second thread only costs.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(student, "SHORT_SIDE", 64)
        patch.setattr(student, "WINDOW", (64, 96))
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def learnt():
    frames, truth = moving.film()
    return student.train(lessons_of(frames, truth), 40, 0, "cpu", silent)


def test_it_learns_the_foreground_and_finds_it_where_it_has_not_seen_it(learnt):
    frames, truth = moving.film(8, speed=5, pan=2)
    seen = student.predict(learnt, frames, tokens_of(frames), "cpu")
    assert seen.shape == truth.shape and seen.dtype == np.float32
    assert seen.min() >= 0 and seen.max() <= 1
    assert moving.overlap(seen > 0.5, truth) > 0.7


def test_mirrored_frames_have_mirrored_results(learnt):
    frames, _ = moving.film(3, size=(128, 192))
    plain = student.predict(learnt, frames, tokens_of(frames), "cpu")
    mirrored = np.ascontiguousarray(frames[:, :, ::-1])
    turned = student.predict(learnt, mirrored, tokens_of(mirrored), "cpu")
    np.testing.assert_allclose(turned[:, :, ::-1], plain, atol=1e-4)


def test_the_same_seed_gives_the_same_network():
    frames, truth = moving.film(4)
    taught = lessons_of(frames, truth)
    state = torch.random.get_rng_state()
    networks = [student.train(taught, 3, seed, "cpu", silent) for seed in (1, 1, 2)]
    assert torch.equal(torch.random.get_rng_state(), state)
    first, again, other = (network.head.weight for network in networks)
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_portraits_and_landscapes_are_learnt_from_together():
    frames, truth = moving.film(4)
    upright = frames.transpose(0, 2, 1, 3).copy(), truth.transpose(0, 2, 1).copy()
    taught = lessons_of(frames, truth) + lessons_of(*upright)
    network = student.train(taught, 2, 0, "cpu", silent)
    assert student.predict(network, upright[0], tokens_of(upright[0]), "cpu").shape == (4, 128, 96)


def test_uncertain_pixels_weigh_nothing_and_distrusted_frames_little():
    frames, truth = moving.film(2)
    half = np.full(truth.shape, 0.5, np.float32)
    certain = np.where(truth, 1, 0.5).astype(np.float32)
    first, second = student.lessons(
        frames, tokens_of(frames), np.stack([half[0], certain[1]]), half, np.float32([1, 0])
    )
    assert first.weight.max() == 0
    assert float(second.weight.max()) == pytest.approx(student.LEAST_TRUST, abs=1e-3)
