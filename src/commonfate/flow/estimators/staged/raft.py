"""RAFT and RAFT-small.

Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020.
"""

from typing import Any

import torch
from ptlflow.models.raft.corr import get_corr_block
from ptlflow.models.raft.raft import RAFT
from ptlflow.models.raft.update import BasicUpdateBlock, SmallUpdateBlock
from ptlflow.models.raft.utils import coords_grid, upflow8
from torch import Tensor, nn

from commonfate.flow.estimators.staged.base import Features, Staged, precisely
from commonfate.flow.estimators.staged.gru import ContextGru


class StagedRaft(Staged):
    """A frame gives its feature map, first hidden state and context; updates belong to the pair.

    The released forward pass upsamples the flow of every update; only the last one is needed.
    """

    def __init__(self, model: RAFT) -> None:
        super().__init__(model)
        self.gru = ContextGru(model.update_block.gru, model.context_dim)

    @staticmethod
    def fits(model: nn.Module) -> bool:
        return (
            isinstance(model, RAFT)
            and type(model).forward is RAFT.forward
            and type(model.update_block) in (BasicUpdateBlock, SmallUpdateBlock)
        )

    def prepare(self, images: Tensor) -> tuple[Tensor, Any]:
        return self.model.preprocess_images(
            images,
            bgr_add=-0.5,
            bgr_mult=2.0,
            bgr_to_rgb=True,
            resize_mode="pad",
            pad_mode="replicate",
            pad_two_side=True,
        )

    def encode(self, images: Tensor) -> Features:
        widths = [self.model.hidden_dim, self.model.context_dim]
        hidden, context = self.model.cnet(images).split(widths, dim=1)
        return self.model.fnet(images), torch.tanh(hidden), torch.relu(context)

    def decode(self, first: Features, second: Features) -> Tensor:
        features, hidden, context = first
        block = self.model.update_block
        with precisely(features):
            # In float32 also under autocast, as in the authors' code.
            correlation = get_corr_block(
                features.float(),
                second[0].float(),
                num_levels=self.model.corr_levels,
                radius=self.model.corr_radius,
                alternate_corr=self.model.alternate_corr,
            )
        constant = self.gru.constant(context)
        start = coords_grid(len(features), *features.shape[2:], torch.float32, features.device)
        coordinates = start
        for _ in range(self.model.iters):
            with precisely(features):
                looked_up = correlation(coordinates)
            hidden, change = self.update(coordinates - start, looked_up, hidden, constant)
            coordinates = coordinates + change
        flow = coordinates - start
        if isinstance(block, SmallUpdateBlock):
            return upflow8(flow)
        # A quarter, as in the block's forward pass.
        return self.model.upsample_flow(flow, 0.25 * block.mask(hidden).float())

    def update(
        self, flow: Tensor, looked_up: Tensor, hidden: Tensor, constant: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """New hidden state, and what to add to the flow."""
        block = self.model.update_block
        motion = block.encoder(flow, looked_up).to(hidden.dtype)
        hidden = self.gru(hidden, motion, constant)
        return hidden, block.flow_head(hidden)

    def compile_stages(self) -> None:
        # One update, which is called in a loop: the loop would be compiled unrolled, for minutes.
        self.encode = torch.compile(self.encode, dynamic=False)
        self.update = torch.compile(self.update, dynamic=False)
