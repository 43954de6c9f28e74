"""ARFlow's unsupervised loss: two images say how good a flow is, and twisted ones say it again.

Liu et al., "Learning by Analogy: Reliable Supervision from Transformations for Unsupervised Optical
Flow Estimation", CVPR 2020.
"""

import torch
from torch import Tensor, nn

from commonfate.models.pwc.losses import Weights, reconstruction_loss, resized
from commonfate.training.flow.arflow_loss_appearance import hide_cells, transform_appearance
from commonfate.training.flow.arflow_loss_settings import ArflowLossSettings
from commonfate.training.flow.arflow_loss_spatial import (
    random_views,
    to_device,
    transform_flow,
    transform_image,
    transform_mask,
)
from commonfate.training.flow.arflow_loss_terms import (
    regularisation_term,
    smoothness_term,
    visible,
)


class ArflowLoss:
    """The loss of a batch; it runs the network itself, since the second pass needs the first."""

    def __init__(self, settings: ArflowLossSettings | None = None) -> None:
        self.settings = settings or ArflowLossSettings()

    def __call__(
        self,
        model: nn.Module,
        images: Tensor,
        generator: torch.Generator,
        regularise: bool = False,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the loss of a batch of pairs.

        Sizes that are not multiples of 64 are worked on at the next larger size, as the network
        does.

        Args:
            model: called as `flow.estimators.arflow.arflow.forward` is, with `images` (BGR) and
                `both_directions`; gives `flows_fw` and `flows_bw`.
            images: (B, 2, 3, H, W) float, RGB in [0, 1], without gradient.
            generator: random numbers of the second pass, on the CPU; untouched without one.
            regularise: whether to do the second pass; of use once the first gives sensible flow.

        Returns:
            The loss, a scalar; and without gradient its terms before weighing: `photometric`,
            `smoothness`, `visible` (share of pixels that are not hidden), `flow` (mean absolute
            component at the finest scale, pixels), and with the second pass `regularisation`.
        """
        settings = self.settings
        outputs = model({"images": images.flip(2), "both_directions": True})
        forward, backward = outputs["flows_fw"], outputs["flows_bw"]
        size = tuple(forward[0].shape[-2:])
        first, second = (resized(image, size) for image in images.unbind(1))
        shown_first = visible(forward[0], backward[0], settings.occlusion)
        shown_second = visible(backward[0], forward[0], settings.occlusion)
        weights = Weights(settings.l1, settings.ssim, settings.ternary, settings.scales)
        photometric = (
            reconstruction_loss(first, second, forward, shown_first, weights)
            + reconstruction_loss(second, first, backward, shown_second, weights)
        ) / 2
        smooth = (
            smoothness_term(first, forward[0], settings)
            + smoothness_term(second, backward[0], settings)
        ) / 2
        loss = photometric + settings.smoothness * smooth
        terms = {
            "photometric": photometric,
            "smoothness": smooth,
            "visible": (shown_first.mean() + shown_second.mean()) / 2,
            "flow": forward[0].abs().mean(),
        }
        if regularise:
            pair = torch.stack([first, second], 1)
            again = self._second_pass(model, pair, forward[0].detach(), shown_first, generator)
            loss = loss + settings.regularisation * again
            terms["regularisation"] = again
        return loss, {name: term.detach() for name, term in terms.items()}

    def _second_pass(
        self,
        model: nn.Module,
        images: Tensor,
        flow: Tensor,
        confidence: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Augmentation as regularisation: the transformed pair shall give the transformed flow."""
        transforms = self.settings.transforms
        height, width = images.shape[-2:]
        with torch.no_grad():
            views = random_views(transforms, len(images), (height, width), generator)
            first, second = (to_device(view, images.device) for view in views)
            target = transform_flow(flow, first, second)
            confidence = transform_mask(confidence, first)
            twisted = torch.stack(
                [transform_image(images[:, 0], first), transform_image(images[:, 1], second)], 1
            )
            twisted = transform_appearance(twisted, transforms, generator)
            hidden = hide_cells(twisted[:, 1], transforms, generator)
            twisted = torch.stack([twisted[:, 0], hidden], 1)
        outputs = model({"images": twisted.flip(2), "both_directions": False})
        return regularisation_term(
            outputs["flows_fw"][0], target, confidence, self.settings.epsilon, self.settings.power
        )
