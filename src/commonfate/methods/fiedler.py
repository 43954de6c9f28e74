"""Masks of encoders: the sign of the second eigenvector of a frame's features, without motion.

Deep Spectral Methods (Melas-Kyriazi et al. 2022), as FlowDINO's Tables I to III make boxes.
"""

from abc import abstractmethod

import numpy as np
import torch
from torch import nn

from commonfate.methods.base import Encoding, Prediction, Segmenting
from commonfate.models.encoders import Encoder
from commonfate.models.frame import nearest_multiple, resize_frame, to_image
from commonfate.models.grouping.spectral import spectrum


class FiedlerMask(Encoding, Segmenting):
    """A method with an encoder that parts a frame in two by its Fiedler vector."""

    @abstractmethod
    def encoder_in_place(self, model: nn.Module | None) -> Encoder:
        """The encoder for the next frame, without a copy of its weights.

        Args:
            model: the trained network, in eval mode; None if the method is not trained.
        """

    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Segment one frame at the resolution of its patches; flow is not read.

        The frame is resized to the nearest whole patches of `size`, or of its own size. Keys of the
        last layer are grouped, or tokens of a network without keys. Group 1 is where the vector is
        positive, at most half of the patches; where patches do not differ it is empty.
        """
        encoder = self.encoder_in_place(model)
        whole = nearest_multiple(size or frame.shape[:2], encoder.patch)
        name = "keys" if "keys" in encoder.offers else "tokens"
        with torch.no_grad():
            image = to_image(resize_frame(frame, whole))[None].to(encoder.mean.device)
            features = encoder(image, {name})[name][0].float().cpu().numpy()
        mask = spectrum(features.reshape(-1, features.shape[-1]), 2).fiedler_mask
        inside = torch.from_numpy(mask.reshape(features.shape[:2])).float()
        groups = torch.stack([1 - inside, inside])
        return Prediction(groups, groups)
