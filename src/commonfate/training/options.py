"""How a training is carried out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How a training is carried out; nothing here changes what is learned.

    Attributes:
        workers: processes that read samples ahead; 0 reads between the steps.
        checkpoint_every_s: seconds between two checkpoints.
        checkpoint_every: iterations between two checkpoints, in addition.
        log_every: iterations a line of metrics.jsonl.
    """

    workers: int = 0
    checkpoint_every_s: float = 60.0
    checkpoint_every: int | None = None
    log_every: int = 10
