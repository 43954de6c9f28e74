"""Settings of flow: sources, storage, and the comparison of sources."""

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
    """Number of updates, for recurrent networks that have such a setting."""
    preset: Literal["ultrafast", "fast", "medium", "finest"] = "medium"
    """Preset of `dis`; `finest` is `medium` down to full size, where the others stop earlier."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Arithmetic of a network; 16 bits are faster on GPUs and less exact."""
    channels_last: bool = False
    """Memory layout in which some GPUs run convolutions faster."""
    compile: bool = False
    """Compile a network with torch.compile: a minute at the start, faster afterwards."""
    consistency: bool = False
    """Remove values where forward and backward flow disagree; estimates backward flow as well."""


SHIPPED = {
    "dis": FlowSource(estimator="dis"),
    "farneback": FlowSource(estimator="farneback"),
    "truth": FlowSource(estimator="truth"),
    "raft_small.sprites": FlowSource(estimator="raft_small", weights="sprites", iterations=12),
    "arflow.sprites": FlowSource(estimator="arflow", weights="sprites"),
}
"""Flow sources that need no download."""


def _shipped() -> dict[str, Any]:
    return {name: source.model_dump(exclude_unset=True) for name, source in SHIPPED.items()}


class FlowConfig(Settings):
    """Estimating and storing flow."""

    sources: dict[Name, FlowSource] = Field(SHIPPED)
    """Flow sources by name; the name appears in paths and tables. The sources of the default, which
    need no download, exist at every scale."""
    container: Literal["zarr", "tiff"] = "zarr"
    """`zarr`: one zip file a shard; `tiff`: a folder with one file a video and gap."""
    tiff_layout: Literal["packed", "planar"] = "planar"
    """Of `tiff`: `packed` is FlowDINO's bit layout."""
    steps_per_pixel: PositiveInt = 32
    """Quantization steps per pixel; the largest error is half a step."""
    batch_size: PositiveInt | None = None
    """Frame pairs at a time; by default as many as fit into memory. Flow does not depend on it."""

    @field_validator("sources", mode="before")
    @classmethod
    def _shipped_sources_are_always_there(cls, given: Any) -> Any:
        return merged(_shipped(), given) if isinstance(given, Mapping) else given


class FlowQualityConfig(Settings):
    """`results/tables/flow_quality.csv`: flow sources against known flow."""

    datasets: tuple[Name, ...] = ()
    """Embedded datasets, since only their flow is known; without any there is no such table."""
    sources: tuple[Name, ...] = ()
    """Flow sources to measure; `truth` shows the error of quantization alone."""
