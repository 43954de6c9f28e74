"""Options of a training that do not change what is learnt."""

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from commonfate.base.settings import Settings


class Options(Settings):
    """Options of a training that do not change what is learnt."""

    workers: NonNegativeInt = 0
    """Processes that read samples ahead; 0 reads between the steps."""
    checkpoint_every_s: NonNegativeFloat = 60.0
    """Seconds between two checkpoints."""
    checkpoint_every: PositiveInt | None = None
    """Iterations between two checkpoints, in addition."""
    log_every: PositiveInt = 10
    """Iterations a line of metrics.jsonl."""
