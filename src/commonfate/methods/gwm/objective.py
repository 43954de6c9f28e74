"""The training loss of a batch, by the settings."""

from functools import cache

import torch
from torch import Tensor

from commonfate.methods.gwm.loss import paper_loss_pulled_back, pixel_count, split_unknown
from commonfate.methods.gwm.polynomial import DEGREES
from commonfate.methods.gwm.pull_back import flow_maps, monomial_maps
from commonfate.methods.gwm.settings import GuessWhatMovesSettings
from commonfate.methods.gwm.upsampled import upsampled_loss
from commonfate.models.together import mean_over_processes


def objective(
    settings: GuessWhatMovesSettings, logits: Tensor, batch: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Loss of a batch that `samples.prepare` made.

    Args:
        settings: of the run.
        logits: (B, K, h, w) of the batch's images, at `image_size`.
        batch: what `prepare` returns, stacked.

    Returns:
        `loss`, with the multiplier; `residual`, the root mean square over pixels of what the loss
        measures, in pixels at the flow's size (or in units of `normalise_flow`).
    """
    logits = logits.float()
    if settings.variant == "paper" and settings.upsample == "probabilities":
        mean_square = _pulled_back(settings, logits.softmax(1), batch["flow"])
    else:
        mean_square = upsampled_loss(
            logits, batch["flow"], settings.flow_model, settings.variant, settings.upsample
        )
    components = 1 if settings.variant == "paper" else 2  # the released loss is their mean
    square = mean_over_processes(components * mean_square)
    return {
        "loss": settings.loss_multiplier * mean_square.float(),
        "residual": square.clamp(min=0).sqrt().float(),
    }


def _pulled_back(settings: GuessWhatMovesSettings, masks: Tensor, flow: Tensor) -> Tensor:
    """The paper's loss, which is linear in masks that are upsampled: at their own resolution.

    What needs the flow's full resolution is done here and not in the loader, whose processes it
    would keep for most of their time: beside a fast GPU the network would wait for them.
    """
    filled, valid = split_unknown(flow)
    maps = flow_maps(filled, valid, settings.image_size, DEGREES[settings.flow_model])
    grid = _monomial_maps(settings, valid)
    return paper_loss_pulled_back(masks, maps, grid, pixel_count(valid), settings.flow_model)


def _monomial_maps(settings: GuessWhatMovesSettings, valid: Tensor) -> Tensor:
    """Maps of the pixel grid: shared, or made for those samples that lack flow somewhere."""
    size, degree = settings.image_size, DEGREES[settings.flow_model]
    shared = _whole_grid(tuple(valid.shape[1:]), tuple(size), degree, valid.device)
    incomplete = ~valid.all(-1).all(-1)
    if not incomplete.any():
        return shared
    maps = shared.repeat(len(valid), 1, 1, 1)
    maps[incomplete] = monomial_maps(valid[incomplete], size, degree)
    return maps


@cache
def _whole_grid(
    full: tuple[int, int], size: tuple[int, int], degree: int, device: torch.device
) -> Tensor:
    return monomial_maps(torch.ones(1, *full, dtype=torch.bool, device=device), size, degree)[0]
