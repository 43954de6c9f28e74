"""Flow estimators by name."""

from commonfate.base.errors import UserError, did_you_mean
from commonfate.flow.estimators.base import OF_NETWORKS, FlowEstimator, refuse
from commonfate.flow.settings import FlowSource

CLASSICAL = ("dis", "farneback")


def create(source: FlowSource, device: str = "cpu") -> FlowEstimator:
    """Make the estimator that a flow source names, with its weights.

    Args:
        source: any estimator but `truth`, which looks at no image (see `providers`).
        device: torch device for networks; classical estimators always run on the CPU.

    Raises:
        UserError: the estimator or its weights are unknown, cannot be loaded, or a setting does
            not fit it.
    """
    if source.estimator in CLASSICAL:
        from commonfate.flow.estimators import classical

        refuse(source, OF_NETWORKS)
        return classical.create(source)
    if source.estimator == "truth":
        raise ValueError("truth is no estimator of images; see flow.estimators.providers")
    from commonfate.flow.estimators import networks

    networks_known = networks.names()
    if source.estimator not in networks_known:
        names = [*CLASSICAL, "truth", *networks_known]
        hint = did_you_mean(source.estimator, names) or f"; known: {', '.join(names)}"
        raise UserError(f"flow estimator {source.estimator!r} is unknown{hint}")
    return networks.create(source, device)
