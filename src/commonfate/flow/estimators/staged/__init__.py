"""Networks in two stages: features of a frame are computed once for all pairs it is part of."""

import logging

from torch import nn

from commonfate.flow.estimators.staged.base import Features, Plain, Staged
from commonfate.flow.estimators.staged.pwc import StagedArflow, StagedPwcnet
from commonfate.flow.estimators.staged.raft import StagedRaft

__all__ = ["Features", "Staged", "stage"]

FAMILIES = (StagedRaft, StagedPwcnet, StagedArflow)

log = logging.getLogger(__name__)


def stage(model: nn.Module) -> Staged:
    """Split a ptlflow model with loaded weights into stages; `Plain` if its family is unknown."""
    for family in FAMILIES:
        if family.fits(model):
            return family(model)
    log.info("%s: no stages are known; each pair is computed from its images", type(model).__name__)
    return Plain(model)
