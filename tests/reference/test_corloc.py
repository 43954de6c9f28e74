"""Boxes and CorLoc of Deep Spectral Methods' released code."""

import numpy as np
import pytest

from commonfate.evaluation.features import localization
from commonfate.models.grouping import boxes
from commonfate.models.grouping.spectral import spectrum


@pytest.fixture
def data(recorded):
    return recorded("corloc.npz")


def test_boxes_of_images_and_their_share_that_is_correct(data):
    predicted, truth = [], []
    for image in data.numbered():
        shape = data[f"{image}/patch_mask"].shape
        vectors = spectrum(data[f"{image}/patch_features"]).vectors
        patch = int(data[f"{image}/patch_size"])
        size = int(data[f"{image}/image_height"]), int(data[f"{image}/image_width"])
        box = localization.box(vectors[1].reshape(shape), patch, size)
        data.check(f"{image}/box", box)
        predicted.append(box)
        truth.append(data[f"{image}/gt_boxes"])
        overlap = boxes.overlap(box[None], truth[-1], boxes.RELEASED_EPSILON)[0]
        data.check(f"{image}/iou", overlap)
        result = localization.score(box[None], truth[-1:], released=True)
        data.check(f"{image}/correct", int(result.metrics["CorLoc"]))
    result = localization.score(np.stack(predicted), truth, released=True)
    data.check("corloc_percent", 100 * result.metrics["CorLoc"])


def test_boxes_of_masks(data):
    size = int(data["boxes/image_height"]), int(data["boxes/image_width"])
    ours = [
        boxes.box_of_patches(mask, int(data["boxes/patch_size"]), size)
        for mask in data["boxes/patch_masks"]
    ]
    data.check("boxes/box", np.stack(ours))


def test_overlaps_of_all_pairs(data):
    pair = data["iou/boxes_a"], data["iou/boxes_b"]
    data.check("iou/iou", boxes.overlap(*pair, boxes.RELEASED_EPSILON))


def test_five_eigenvectors(data):
    for image in data.numbered():
        ours = spectrum(data[f"{image}/patch_features"])
        data.check(f"{image}/eigenvalues_laplacian", ours.values)
        key = f"{image}/eigenvectors_laplacian"
        # Later ones have close eigenvalues here, so they may turn among themselves.
        for vector, recorded in zip(ours.vectors[:2], data[key], strict=False):
            data.check(key, vector * np.sign(vector @ recorded), recorded)
        mask = data[f"{image}/patch_mask"].astype(bool).ravel()
        assert np.array_equal(ours.fiedler_mask, mask)
