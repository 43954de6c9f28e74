"""RAFT and RAFT-small.

Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020.

A gate of the recurrent unit convolves hidden state, context and motion together. The context is the
same in every update, and convolution is linear, so its part is computed once: a third less work.
"""

from typing import Any

import torch
from ptlflow.models.raft.corr import get_corr_block
from ptlflow.models.raft.raft import RAFT
from ptlflow.models.raft.update import BasicUpdateBlock, ConvGRU, SepConvGRU, SmallUpdateBlock
from ptlflow.models.raft.utils import coords_grid, upflow8
from torch import Tensor, nn

from commonfate.flow.estimators.staged.base import Features, Staged, precisely


class StagedRaft(Staged):
    """Per frame: feature map, first hidden state, context. Per pair: correlation and updates.

    The released forward pass upsamples the flow of every update; here only the last one is.
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
        """One update: the new hidden state, and the change of the flow."""
        block = self.model.update_block
        motion = block.encoder(flow, looked_up).to(hidden.dtype)
        hidden = self.gru(hidden, motion, constant)
        return hidden, block.flow_head(hidden)

    def compile_stages(self) -> None:
        # A single update: torch would unroll the loop over updates and compile it for minutes.
        self.encode = torch.compile(self.encode, dynamic=False)
        self.update = torch.compile(self.update, dynamic=False)


class ContextGru(nn.Module):
    """RAFT's recurrent unit with the context's part taken out of the updates.

    Gives the output of ptlflow's `ConvGRU` or `SepConvGRU`, to rounding.
    """

    def __init__(self, gru: ConvGRU | SepConvGRU, context: int) -> None:
        """`context` is the number of context channels, which come first in the unit's input."""
        super().__init__()
        suffixes = ("1", "2") if isinstance(gru, SepConvGRU) else ("",)
        self.steps = nn.ModuleList(
            _Step(*(getattr(gru, f"conv{gate}{suffix}") for gate in "zrq"), context)
            for suffix in suffixes
        )

    def constant(self, context: Tensor) -> list[Tensor]:
        """Contribution of the context (B, C, h, w) to the gates of each step."""
        return [step.context(context) for step in self.steps]

    def forward(self, hidden: Tensor, motion: Tensor, constant: list[Tensor]) -> Tensor:
        """Update the hidden state (B, D, h, w)."""
        for step, added in zip(self.steps, constant, strict=True):
            hidden = step(hidden, motion, added)
        return hidden


class _Step(nn.Module):
    """One gated update: z, r = sigmoid, q = tanh, hidden = (1 - z) hidden + z q."""

    def __init__(self, z: nn.Conv2d, r: nn.Conv2d, q: nn.Conv2d, context: int) -> None:
        super().__init__()
        hidden = z.out_channels
        kept = [*range(hidden), *range(hidden + context, z.in_channels)]
        self.gates = _convolution(z, torch.cat([z.weight, r.weight])[:, kept], None)
        self.candidate = _convolution(q, q.weight[:, kept], None)
        together = torch.cat([conv.weight for conv in (z, r, q)])
        bias = torch.cat([conv.bias for conv in (z, r, q)])
        self.context = _convolution(z, together[:, hidden : hidden + context], bias)
        self._split = (2 * hidden, hidden)

    def forward(self, hidden: Tensor, motion: Tensor, added: Tensor) -> Tensor:
        to_gates, to_candidate = added.split(self._split, dim=1)
        gates = self.gates(torch.cat([hidden, motion], dim=1)) + to_gates
        update, reset = torch.sigmoid(gates).chunk(2, dim=1)
        reset_input = torch.cat([reset * hidden, motion], dim=1)
        candidate = torch.tanh(self.candidate(reset_input) + to_candidate)
        return (1 - update) * hidden + update * candidate


def _convolution(like: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """Make a convolution of these weights, with the padding of another one."""
    convolution = nn.utils.skip_init(
        nn.Conv2d,
        weight.shape[1],
        weight.shape[0],
        like.kernel_size,
        padding=like.padding,
        bias=bias is not None,
        device=weight.device,
    )
    with torch.no_grad():
        convolution.weight.copy_(weight)
        if bias is not None:
            convolution.bias.copy_(bias)
    return convolution
