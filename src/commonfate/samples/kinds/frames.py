"""Kind of sample: a frame, or a still image, and nothing else."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commonfate.datasets.settings import AnyDataset
from commonfate.samples.kinds.base import Listed, OpenStores, SampleKind

if TYPE_CHECKING:
    import numpy as np

    from commonfate.samples.example import Example
    from commonfate.samples.index import Sample
    from commonfate.samples.sampler import SampleKey
    from commonfate.samples.stores import Stores


class PlainFrame(SampleKind):
    """Every frame by itself, without flow or labels."""

    name = "frames"
    words = "frames"
    help = "a frame or a still image"
    lacking = "frames, but data set {} has none"
    cure = "give a data set with videos or images that can be read"
    no_pair_gaps = "single frames have none"

    def is_offered_by(self, dataset: AnyDataset) -> bool:
        return True

    def of_video(
        self, video: Any, stores: "Stores", manifest: Path, gaps: Sequence[int]
    ) -> Iterator[Listed]:
        for t in range(stores.length(video.id, manifest)):
            yield Listed(t, [0])

    def read(
        self, sample: "Sample", key: "SampleKey", frame: "np.ndarray", stores: OpenStores
    ) -> "Example":
        from commonfate.samples.example import Example

        return Example(frame, flip=key.flip, seed=key.seed)
