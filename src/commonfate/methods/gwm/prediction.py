"""Segmenting one frame with a trained network, and merging its components to two groups."""

import numpy as np
import torch
from torch import nn

from commonfate.methods.base import Prediction
from commonfate.methods.gwm.merge import merge
from commonfate.methods.gwm.settings import MergeSettings
from commonfate.models import features
from commonfate.models.frame import resize_frame, to_image


def predict(
    model: nn.Module, frame: np.ndarray, size: tuple[int, int], how: MergeSettings
) -> Prediction:
    """Segment a frame at a given size.

    Args:
        model: in eval mode, with `dense_and_logits`.
        frame: (H, W, 3) uint8, RGB.
        size: height h and width w of the network's input.
        how: features and floor of the merging.

    Returns:
        K components and two groups, at `size`, on the CPU.
    """
    device = next(model.parameters()).device
    resized = resize_frame(frame, size)
    with torch.no_grad():
        dense, logits = model.dense_and_logits(to_image(resized)[None].to(device))
    components = logits.float().softmax(1)[0].cpu()
    if how.features == "network":
        # Not centred: that would leave the background, most of the image, without a direction.
        compared = dense[0].float().cpu()
    else:
        compared = features.create(how.features, how.weights, device)(resized)
    return Prediction(components=components, groups=merge(compared, components, how.epsilon))
