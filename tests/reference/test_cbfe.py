"""Cluster-based foreground extraction of Leopart's and TimeT's released code (cbfe.npz)."""

import numpy as np
import pytest

from commonfate.evaluation.features.foreground_clusters import candidates, tuned_threshold
from commonfate.evaluation.features.units import enlarge
from commonfate.evaluation.masks.jaccard import count, jaccard
from commonfate.models.grouping.foreground import attention_mask, precisions


@pytest.fixture
def data(recorded):
    return recorded("cbfe.npz")


def each(data, split):
    masks = data[f"{split}/attention_mask"][:, 0].astype(bool)
    return precisions(data[f"{split}/clusters"], masks, int(data["k"]))


@pytest.mark.parametrize("mass", ["065", "050"])
def test_attention_masks(data, mass):
    row, side = data["attention/cls_row"], int(data["attention/side"])
    attention = row[..., 1:].reshape(*row.shape[:2], side, side)
    masks = attention_mask(attention, int(mass) / 100)
    data.check(f"attention/mask_{mass}", masks[:, None].astype(np.uint8))


def test_attention_masks_are_enlarged_to_the_nearest(data):
    low = data["train/attention_mask_low_resolution"]
    mask = data["train/attention_mask"]
    data.check("train/attention_mask", enlarge(low, mask.shape[-2:], corners=True))


@pytest.mark.parametrize("split", ["train", "val"])
def test_precisions(data, split):
    data.check(f"{split}/cluster_precision_64", each(data, split))


def test_tuning(data):
    tuning = data["train/clusters"], each(data, "train"), data["train/gt"]
    tried = candidates(*tuning)
    key = "train/candidate_threshold_start_jaccard_64"
    data.check(key, tried[np.argsort(tried[:, 2])])
    data.check("threshold_64", tuned_threshold(*tuning))


def test_foreground(data):
    chosen = each(data, "val") >= float(data["threshold_64"])
    masks = chosen[data["val/clusters"]]
    data.check("val/foreground_mask", masks.astype(np.uint8))
    truth = data["val/gt"]
    data.check("val/jaccard_with_boundary_64", jaccard(*count(masks, truth > 0)).mean())
    inner = (truth > 0) & (truth < 255)
    data.check("val/jaccard_without_boundary_64", jaccard(*count(masks, inner)).mean())
