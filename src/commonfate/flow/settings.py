"""Settings of flow: where it comes from, how it is stored, how sources are compared."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, PositiveInt, field_validator

from commonfate.base.settings import Name, Settings, merged


class FlowSource(Settings):
    """A flow estimator with its weights."""

    estimator: str
    """`dis`, `farneback`, `truth`, or the name of a ptlflow model such as `raft`."""
    weights: str | None = None
    """A ptlflow checkpoint name, a local file, or `random`; none for classical estimators."""
    seed: int = 0
    """Seed of `weights: random`."""
    iterations: PositiveInt | None = None
    """Updates of a recurrent network, where it has such a setting."""
    preset: Literal["ultrafast", "fast", "medium"] = "medium"
    """Preset of `dis`."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """What a network computes in; the narrow ones are faster on GPUs and less exact."""
    channels_last: bool = False
    """Memory layout that some GPUs run convolutions faster in."""
    compile: bool = False
    """Compile a network with torch.compile: a minute at the start, faster after it."""
    consistency: bool = False
    """Give no value to pixels where forward and backward flow disagree; costs the backward flow."""


SHIPPED = {
    "dis": FlowSource(estimator="dis"),
    "farneback": FlowSource(estimator="farneback"),
    "truth": FlowSource(estimator="truth"),
    "raft_small.sprites": FlowSource(estimator="raft_small", weights="sprites", iterations=12),
    "arflow.sprites": FlowSource(estimator="arflow", weights="sprites"),
}
"""Flow sources that the package holds all of."""


def _shipped() -> dict[str, Any]:
    return {name: source.model_dump(exclude_unset=True) for name, source in SHIPPED.items()}


class FlowConfig(Settings):
    """Estimating and storing flow."""

    sources: dict[Name, FlowSource] = Field(SHIPPED)
    """Flow sources by name; the name appears in paths and tables. Those of the default, which need
    no download, are there at every scale."""
    container: Literal["zarr", "tiff"] = "zarr"
    """`zarr`: one zip file a shard; `tiff`: a folder with one file a video and gap."""
    tiff_layout: Literal["packed", "planar"] = "planar"
    """Of `tiff`: `packed` is FlowDINO's layout of bits."""
    steps_per_pixel: PositiveInt = 32
    """Quantisation steps a pixel; the largest error is half a step."""
    batch_size: PositiveInt | None = None
    """Frame pairs at a time; by default as many as fit into memory. Flow does not depend on it."""

    @field_validator("sources", mode="before")
    @classmethod
    def _shipped_sources_are_always_there(cls, given: Any) -> Any:
        return merged(_shipped(), given) if isinstance(given, Mapping) else given


class FlowQualityConfig(Settings):
    """`results/tables/flow_quality.csv`: flow sources against flow that is known."""

    datasets: tuple[Name, ...] = ()
    """Embedded datasets, as only their flow is known; without any there is no such table."""
    sources: tuple[Name, ...] = ()
    """Flow sources that are measured; `truth` shows what quantization alone costs."""
