"""The endless sequence of pairs: which pair an index is, and that it is always the same."""

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric

from commonfate.training.flow import pairs
from commonfate.training.flow.scenes import Stream, generator
from commonfate.training.flow.settings import FlowTrainingSettings

SETTINGS = FlowTrainingSettings(
    crop=(48, 80),
    scene_size=(64, 112),
    scene_frames=6,
    gaps=(1, 2),
    scenes=2,
    pairs_per_scene=3,
)


def equal(item, other):
    return all(torch.equal(item[key], other[key]) for key in item)


def test_a_pair_depends_on_seed_and_index_alone():
    in_order = pairs.EndlessPairs(SETTINGS, 7)
    whole = [in_order[index] for index in range(9)]
    other = pairs.EndlessPairs(SETTINGS, 7)
    for index in (8, 0, 5, 5):
        assert equal(whole[index], other[index])
    assert not torch.equal(whole[1]["images"], pairs.EndlessPairs(SETTINGS, 8)[1]["images"])


def test_shapes_types_and_motion_of_both_directions():
    result = [pairs.EndlessPairs(SETTINGS, 1)[0], pairs.EndlessPairs(SETTINGS, 2)[0]]
    for pair in result:
        assert pair["images"].shape == (2, 3, 48, 80) and pair["images"].dtype == torch.uint8
        assert pair["flow"].shape == (2, 48, 80) and pair["flow"].dtype == torch.float32
        assert pair["visible"].shape == (48, 80) and pair["visible"].dtype == torch.bool
        assert pair["flow"].isfinite().all()
    cuts = [pairs.draw_cut(np.random.default_rng(n), SETTINGS) for n in range(200)]
    assert {where.gap for where in cuts} == {-2, -1, 1, 2}
    assert all(0 <= where.t + where.gap < 6 and 0 <= where.t < 6 for where in cuts)
    assert all(
        where.top + where.part[0] <= 64 and where.left + where.part[1] <= 112 for where in cuts
    )


def test_the_pool_holds_so_many_scenes_and_renews_them_in_turn():
    """2 scenes of 3 pairs: place 0 changes at 6, 12, ...; place 1 at 3, 9, ..."""
    seen = [set() for _ in range(12)]
    for index in range(12):
        for draw in range(20):
            rng = np.random.default_rng(draw)
            seen[index].add(pairs.scene_number(SETTINGS, index, rng))
    assert seen == [{0, 1}] * 3 + [{0, 3}] * 3 + [{2, 3}] * 3 + [{2, 5}] * 3


def test_batches_go_on_where_a_training_was_broken():
    fabric = Fabric(accelerator="cpu", devices=1)
    data, all_pairs = pairs.PairData(SETTINGS), pairs.EndlessPairs(SETTINGS, seed=3)
    size = SETTINGS.batch_size
    for iteration, batch in enumerate(data.batches(3, 1, 3, fabric, workers=0), start=1):
        expected = [all_pairs[iteration * size + place]["images"] for place in range(size)]
        assert torch.equal(batch["images"], torch.stack(expected))


def test_no_stream_is_that_of_a_dataset_or_of_another_purpose():
    """datasets/sprites/produce.py draws from SeedSequence([seed, number])."""
    dataset = np.random.default_rng(np.random.SeedSequence([0, 5]))
    streams = [dataset, *(generator(0, 5, stream) for stream in Stream)]
    assert len({int(rng.integers(2**62)) for rng in streams}) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gaps": (1, 6)}, "smaller than scene_frames"),
        ({"crop": (128, 80)}, "larger than scene_size"),
        ({"crop": (50, 80)}, "multiples of 8"),
    ],
)
def test_impossible_recipes_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        FlowTrainingSettings(**{**SETTINGS.model_dump(), **change})
