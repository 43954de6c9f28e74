"""Batches as a pure function of seed and iteration."""

from collections import Counter

import pytest

from commonfate.samples.index import Sample
from commonfate.samples.sampler import Batches, batch

# Batches of the version that had no seeds yet: (index, gap, flip).
EARLIER = {
    (0, 0): [(4, 2, 0), (6, 1, 1), (2, 2, 0), (7, 2, 0), (3, -2, 1), (5, -2, 1)],
    (3, 7): [(8, -2, 0), (6, 1, 0), (9, 1, 0), (4, 2, 1), (0, 1, 0), (7, 2, 0)],
}

SAMPLES = [Sample("toy", "a", t, (-2, -1, 1, 2), "frames", "flow") for t in range(10)]


def keys_of(iterations, size=4, seed=0, flip=True):
    return [batch(SAMPLES, seed, iteration, size, flip) for iteration in iterations]


def test_a_resumed_run_draws_the_batches_of_an_unbroken_one():
    unbroken = list(Batches(SAMPLES, 0, 4, True, 0, 12))
    resumed = list(Batches(SAMPLES, 0, 4, True, 5, 12))
    assert resumed == unbroken[5:]
    assert len(resumed) == len(Batches(SAMPLES, 0, 4, True, 5, 12)) == 7


@pytest.mark.parametrize(("seed", "iteration"), EARLIER)
def test_batches_are_those_of_earlier_versions(seed, iteration):
    """So runs that were begun with them are resumed, and what was measured stays true."""
    (drawn,) = keys_of([iteration], size=6, seed=seed)
    assert [(key.index, key.gap, key.flip) for key in drawn] == EARLIER[seed, iteration]


def test_every_use_of_a_sample_has_a_seed_of_its_own():
    seeds = [key.seed for drawn in keys_of(range(1000)) for key in drawn]
    assert len(set(seeds)) == len(seeds) == 4000
    assert all(type(seed) is int and 0 <= seed < 2**63 for seed in seeds)
    # Uniform: a mean of 4000 has a standard deviation of 0.0046 of the range.
    assert abs(sum(seeds) / len(seeds) / 2**63 - 0.5) < 5 * 0.0046
    assert seeds[:12] == [key.seed for drawn in keys_of(range(3), flip=False) for key in drawn]
    assert seeds[:4] != [key.seed for key in keys_of([0], seed=1)[0]]


def test_every_sample_once_an_epoch_though_batches_span_epochs():
    drawn = [key.index for keys in keys_of(range(10)) for key in keys]  # 40 draws, 4 epochs
    for epoch in range(4):
        assert sorted(drawn[epoch * 10 : epoch * 10 + 10]) == list(range(10))
    assert drawn[:10] != drawn[10:20]


def test_a_batch_larger_than_the_data_set_repeats_samples():
    drawn = Counter(key.index for key in keys_of([0], size=20)[0])
    assert set(drawn.values()) == {2}


def test_gaps_and_flips_are_drawn_evenly():
    keys = [key for drawn in keys_of(range(1000)) for key in drawn]
    gaps = Counter(key.gap for key in keys)
    # 4000 draws: standard deviations of 27 (gaps) and 32 (flips); five of them are allowed.
    assert sorted(gaps) == [-2, -1, 1, 2]
    assert all(abs(count - 1000) < 5 * 27 for count in gaps.values())
    assert abs(sum(key.flip for key in keys) - 2000) < 5 * 32


def test_gap_and_flip_are_independent_of_the_sample():
    keys = [key for drawn in keys_of(range(1000)) for key in drawn if key.index == 3]
    assert {(key.gap, key.flip) for key in keys} == {
        (gap, flip) for gap in (-2, -1, 1, 2) for flip in (False, True)
    }


def test_nothing_is_mirrored_where_flip_is_off():
    assert not any(key.flip for keys in keys_of(range(50), flip=False) for key in keys)


def test_seeds_give_different_batches():
    assert keys_of(range(3), seed=0) != keys_of(range(3), seed=1)


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_a_batch_without_overlap(processes):
    whole = list(Batches(SAMPLES, 0, 4, True, 2, 5))
    parts = [list(Batches(SAMPLES, 0, 4, True, 2, 5, r, processes)) for r in range(processes)]
    for iteration, keys in enumerate(whole):
        shares = [part[iteration] for part in parts]
        assert {len(share) for share in shares} == {4 // processes}
        assert {key for share in shares for key in share} == set(keys)
