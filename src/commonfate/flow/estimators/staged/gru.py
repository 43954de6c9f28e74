"""RAFT's recurrent unit, with the context's part taken out of the updates.

A gate of the unit convolves hidden state, context and motion together, and the context is the same
in every update. Convolution is linear, so that part is computed once: a third less in RAFT.
"""

import torch
from ptlflow.models.raft.update import ConvGRU, SepConvGRU
from torch import Tensor, nn


class ContextGru(nn.Module):
    """A `ConvGRU` or `SepConvGRU` of ptlflow; same output, to rounding."""

    def __init__(self, gru: ConvGRU | SepConvGRU, context: int) -> None:
        """`context` is how many channels of the input, from the first, do not change."""
        super().__init__()
        suffixes = ("1", "2") if isinstance(gru, SepConvGRU) else ("",)
        self.steps = nn.ModuleList(
            _Step(*(getattr(gru, f"conv{gate}{suffix}") for gate in "zrq"), context)
            for suffix in suffixes
        )

    def constant(self, context: Tensor) -> list[Tensor]:
        """What the context (B, C, h, w) adds to the gates of each step."""
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
    """A convolution of these weights, padded as another one is."""
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
