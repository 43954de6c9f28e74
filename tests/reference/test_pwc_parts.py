"""Parts of PWC-type networks and their losses, against what AMD's released code computes."""

import numpy as np
import pytest
import torch

from commonfate.models.pwc.correlation import correlation
from commonfate.models.pwc.losses import photometric_loss, ssim_distance
from commonfate.models.pwc.warp import covered, warp


@pytest.fixture(scope="module")
def data(recorded):
    return recorded("amd_segment_flow.npz")


@pytest.fixture(scope="module")
def released(data):
    return data.tensors()


@pytest.mark.parametrize("padding", ["border", "zeros"])
def test_warping(data, released, padding):
    data.check(f"warp/{padding}", warp(released["warp/image"], released["warp/flow"], padding))


def test_correlation(data, released):
    ours = correlation(released["correlation/x1"], released["correlation/x2"], 4)
    data.check("correlation/max_displacement_4", ours)


def test_occlusion_from_the_other_flow(released):
    hidden = ~covered(released["warp/flow"], 0.2)
    np.testing.assert_array_equal(hidden, released["warp/occlusion_backward_th02"])
    for frame, other in ((1, "bw"), (2, "fw")):
        kept = covered(released[f"flows_{other}/0"], 0.2)
        # Coverage is a sum in no fixed order: one pixel may fall on the other side of 0.2.
        assert (kept.numpy() != released[f"occlusion_kept_frame{frame}"].numpy()).sum() <= 1


def test_ssim(data, released):
    data.check("ssim/distance_md1", ssim_distance(released["ssim/x"], released["ssim/y"]))


def test_photometric_loss_where_all_is_visible(data, released):
    x, y = released["ssim/x"], released["ssim/y"]
    loss = photometric_loss(x, y, torch.ones_like(x[:, :1]), l1=0.15, ssim=0.85, ternary=0)
    data.check("photometric/occlusion_free", loss)
