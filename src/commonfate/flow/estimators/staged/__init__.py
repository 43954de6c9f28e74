"""Networks in two stages: what depends on one frame is computed once for all pairs it is in."""

import logging

from torch import nn

from commonfate.flow.estimators.staged.arflow import StagedArflow
from commonfate.flow.estimators.staged.base import Features, Staged
from commonfate.flow.estimators.staged.plain import Plain
from commonfate.flow.estimators.staged.pwcnet import StagedPwcnet
from commonfate.flow.estimators.staged.raft import StagedRaft

__all__ = ["Features", "Staged", "stage"]

FAMILIES = (StagedRaft, StagedPwcnet, StagedArflow)

log = logging.getLogger(__name__)


def stage(model: nn.Module) -> Staged:
    """Cut a ptlflow model, whose weights are loaded, into stages; `Plain` if none are known."""
    for family in FAMILIES:
        if family.fits(model):
            return family(model)
    log.info("%s: no stages are known; each pair is computed from its images", type(model).__name__)
    return Plain(model)
