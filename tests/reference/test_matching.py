"""Clusters matched to classes as TimeT's, Leopart's and FlowDINO's released code does."""

import numpy as np
import pytest

from commonfate.evaluation.features import matching

MATCHINGS = ("hungarian", "many_to_one_iou", "many_to_one_precision")


@pytest.fixture
def data(recorded):
    return recorded("miou_matching.npz")


def groups(data):
    return sorted({key.split("/")[0] for key in data if "/timet_hungarian/" in key})


def numbered(values):
    """Ids in order, and the values as indices of them."""
    ids, indices = np.unique(values, return_inverse=True)
    return ids, indices.reshape(values.shape)


def counted(data, group, frame=slice(None)):
    """Ids of the classes, and counts, as TimeT sees them: of what occurs."""
    ids, truth = numbered(data[f"{group}/gt"][frame])
    clusters, predicted = numbered(data[f"{group}/pred"][frame])
    return ids, matching.count(predicted, truth, len(clusters), len(ids))


def left_over(ids):
    """Left-over clusters become label 0, which may be no class."""
    return 0 if ids[0] == 0 else None


@pytest.mark.parametrize("by", MATCHINGS)
def test_timet(data, by):
    assert groups(data)
    for group in groups(data):
        key = f"{group}/timet_{by}"
        ids, counts = counted(data, group)
        data.check(f"{key}/class_ids", ids)
        matched = matching.match(counts, by)
        data.check(f"{key}/cluster_to_class_index", matched)
        outcomes = matching.outcomes(counts, matched, left_over(ids))
        for name, values in zip(("tp", "fp", "fn"), outcomes, strict=True):
            data.check(f"{key}/{name}", values)
        each = matching.iou(counts, matched, left_over(ids))
        data.check(f"{key}/miou_with_background", matching.mean_iou(each))
        data.check(f"{key}/miou", matching.mean_iou(each, background=ids[0] != 0))
        _, predicted = numbered(data[f"{group}/pred"])
        renamed = np.where(matched < 0, 0, ids[matched])[predicted]
        data.check(f"{key}/reordered_pred", renamed)
        share = (matched == 0).sum() / (len(ids) if by == "hungarian" else len(matched))
        data.check(f"{key}/matched_background_share", share)


@pytest.mark.parametrize("by", MATCHINGS)
def test_timet_frame_by_frame(data, by):
    for group in groups(data):
        key = f"{group}/timet_{by}/miou_per_frame"
        scores = []
        for frame in range(len(data[key])):
            ids, counts = counted(data, group, frame)
            each = matching.iou(counts, matching.match(counts, by), left_over(ids))
            scores.append(matching.mean_iou(each, background=ids[0] != 0))
        data.check(key, np.array(scores))


@pytest.mark.parametrize("by", MATCHINGS)
def test_leopart(data, by):
    every = [group for group in groups(data) if f"{group}/leopart_{by}/miou" in data]
    assert every
    for group in every:
        key = f"{group}/leopart_{by}"
        _, counts = counted(data, group)
        matched = matching.match(counts, by)
        data.check(f"{key}/cluster_to_class_index", matched)
        outcomes = matching.outcomes(counts, matched)
        for name, values in zip(("tp", "fp", "fn"), outcomes, strict=True):
            data.check(f"{key}/{name}", values)
        data.check(f"{key}/miou", matching.mean_iou(matching.iou(counts, matched)))


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("matched_by", ["identity", "hungarian"])
def test_flowdino(data, matched_by, background):
    classes = int(data["flowdino/n_classes"])
    truth, predicted = data["flowdino/gt"], data["flowdino/pred"]
    inside = (predicted >= 0) & (predicted < classes) & (truth >= 0) & (truth < classes)
    counts = matching.count(predicted[inside], truth[inside], classes, classes)
    data.check("flowdino/confusion_pred_by_gt", counts)
    matched = np.arange(classes)
    if matched_by == "hungarian":
        matched = matching.match(counts, "hungarian_points")
        data.check("flowdino/cluster_to_class", matched)
    each = matching.iou(counts, matched)
    key = f"flowdino/{matched_by}_{'with' if background else 'without'}_background"
    data.check(f"{key}/mean_iou_percent", 100 * matching.mean_iou(each, background))
    data.check(f"{key}/iou_per_class", each if background else each[1:])
    hits = matching.outcomes(counts, matched)[0].sum()
    data.check(f"{key}/pixel_accuracy_percent", 100 * hits / counts.sum())


def test_probes_match_nothing(data):
    truth, predicted = data["propagation/gt"], data["propagation/pred"]
    classes = int(max(truth.max(), predicted.max())) + 1
    counts = matching.count(predicted, truth, classes, classes)
    each = matching.iou(counts, np.arange(classes))
    data.check("probe/leopart_miou", matching.mean_iou(each))
    data.check("probe/timet_miou", matching.mean_iou(each, background=False))
