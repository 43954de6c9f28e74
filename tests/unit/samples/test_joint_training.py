"""Several datasets in one index: other sizes, other gaps, one batch."""

from collections import Counter

import numpy as np
import torch
from torch.utils.data import default_collate

from commonfate.base import parquet
from commonfate.methods.gwm.method import create
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.samples import index, sampler
from commonfate.samples.build import build
from commonfate.samples.reader import SampleDataset

GAPS = {"davis": (-2, -1, 1, 2), "fbms": (-6, -3, 3, 6), "segtrack": (-1, 1)}


def joint(tmp_path, make_shard, make_manifest):
    """Three datasets whose videos bear the same name; one has a still image, too."""
    given = [
        make_shard("davis", 0, {"a": 5}, GAPS["davis"], size=(8, 12)),
        make_shard("fbms", 0, {"a": 8}, GAPS["fbms"], size=(10, 6)),
        make_shard("segtrack", 0, {"a": 2, "z": 1}, GAPS["segtrack"], size=(7, 7)),
    ]
    manifests = [
        make_manifest("davis", [("a", "train", 0, "")]),
        make_manifest("fbms", [("a", "train", 0, "")]),
        make_manifest("segtrack", [("a", "train", 0, ""), ("z", "train", 0, "")]),
    ]
    frames, flow = zip(*given, strict=True)
    owners = {path: name for name, own in zip(GAPS, given, strict=True) for path in own}
    path = tmp_path / "davis+fbms+segtrack-all-dis" / "index.parquet"
    parquet.write(path, *build(manifests, frames, flow, "all", owners=owners))
    return index.read(path)


def test_each_sample_has_the_gaps_of_its_dataset(tmp_path, make_shard, make_manifest):
    samples = joint(tmp_path, make_shard, make_manifest).samples
    assert Counter(sample.dataset for sample in samples) == {"davis": 5, "fbms": 8, "segtrack": 2}
    assert all(set(sample.gaps) <= set(GAPS[sample.dataset]) for sample in samples)
    drawn = [key for i in range(40) for key in sampler.batch(samples, 0, i, 5, flip=False)]
    assert len({key.index for key in drawn}) == len(samples)
    assert all(key.gap in samples[key.index].gaps for key in drawn)


def test_frame_and_flow_come_from_the_datasets_own_stores(tmp_path, make_shard, make_manifest, raw):
    samples = joint(tmp_path, make_shard, make_manifest).samples
    dataset = SampleDataset(samples, raw("flow"))
    sizes = {"davis": (8, 12), "fbms": (10, 6), "segtrack": (7, 7)}
    for number, sample in enumerate(samples):
        gap = sample.gaps[-1]
        read = dataset[sampler.SampleKey(number, gap, flip=False, seed=0)]
        assert read["frame"].shape[:2] == read["flow"].shape[1:] == sizes[sample.dataset]
        assert read["frame"][0, 0, 0] == sample.t
        np.testing.assert_allclose(read["flow"][0], sample.t + gap / 10, atol=1 / 64)


def test_a_batch_of_all_three(tmp_path, make_shard, make_manifest):
    """Frames and flow are brought to the method's size; flow is scaled with it."""
    samples = joint(tmp_path, make_shard, make_manifest).samples
    settings = GwmSettings(
        image_size=(16, 16), flow_size=(14, 24), width=4, upsample="logits", variant="paper"
    )
    dataset = SampleDataset(samples, create(settings))
    last = {sample.dataset: number for number, sample in enumerate(samples)}
    keys = [sampler.SampleKey(n, samples[n].gaps[-1], flip=False, seed=0) for n in last.values()]
    batch = default_collate([dataset[key] for key in keys])
    assert batch["image"].shape == (3, 3, 16, 16) and batch["flow"].shape == (3, 2, 14, 24)
    for item, key in zip(batch["flow"], keys, strict=True):
        height, width = {"davis": (8, 12), "fbms": (10, 6), "segtrack": (7, 7)}[
            samples[key.index].dataset
        ]
        t = samples[key.index].t
        torch.testing.assert_close(
            item[0].mean(), torch.tensor((t + key.gap / 10) * 24 / width), atol=0.1, rtol=0
        )
        torch.testing.assert_close(item[1].mean(), torch.tensor(-t * 14 / height), atol=0.1, rtol=0)
