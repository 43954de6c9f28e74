"""Features of earlier steps, beside which those of a batch are assigned to prototypes.

An option of TimeT's released code that is off by default; the paper has none. With few clips in a
batch the marginals of Eq. 8 ask for more variety than it has; the queue adds samples.
"""

import torch
from torch import Tensor, nn

from commonfate.models.together import gathered, process_count, process_index


class Queue(nn.Module):
    """The newest features, of which each step adds some; equal in all processes.

    Rows are buffers, so a resumed training goes on with them.

    Args:
        size: S, number of features that are kept.
        dim: C, size of a feature.
    """

    rows: Tensor
    filled: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(size, dim))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def push(self, features: Tensor, of_clip: int = 10) -> None:
        """Put random patches of a batch at the front; the oldest rows are lost.

        Args:
            features: (B, P, C) floating, patches of this process's clips; all processes have
                equally many. Patches are drawn by torch's global generator.
            of_clip: mean number of patches that are taken of a clip; less if there are no more, or
                if the queue is smaller.
        """
        patches = features.detach().flatten(0, 1).to(self.rows.dtype)
        size = len(self.rows)
        taken = min(of_clip * len(features), len(patches), size // process_count())
        drawn = torch.randperm(len(patches), device=patches.device)[:taken]
        new = gathered(patches[drawn])
        self.rows.copy_(torch.cat([new, self.rows])[:size])
        self.filled.copy_((self.filled + len(new)).clamp(max=size))

    def share(self) -> Tensor:
        """Rows that this process adds to the samples: (N, C) float32.

        All processes together add each row once. None before the queue is full, as released.
        """
        is_full = bool(self.filled == len(self.rows))
        return self.rows[process_index() :: process_count()] if is_full else self.rows[:0]
