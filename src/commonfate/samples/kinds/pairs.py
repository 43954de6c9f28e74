"""Kind of sample: a pair of frames of one video."""

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


class FramePair(SampleKind):
    """A frame and the frame that is one of the data set's `pair_gaps` later."""

    name = "pairs"
    words = "pairs of frames"
    help = "two frames of a video"
    lacking = "pairs of frames, but data set {} has none"
    cure = "use longer videos or smaller gaps"
    has_pair_gaps = True

    def is_offered_by(self, dataset: AnyDataset) -> bool:
        return bool(dataset.pair_gaps)

    def of_video(
        self, video: Any, stores: "Stores", manifest: Path, gaps: Sequence[int]
    ) -> Iterator[Listed]:
        length = stores.length(video.id, manifest)
        for t in range(length):
            inside = sorted(gap for gap in set(gaps) if t + gap < length)
            if inside:
                yield Listed(t, inside)

    def read(
        self, sample: "Sample", key: "SampleKey", frame: "np.ndarray", stores: OpenStores
    ) -> "Example":
        from commonfate.samples.example import Example

        other = stores.frames(sample.frame_store).read(sample.video, sample.t + key.gap)
        return Example(frame, other=other, flip=key.flip, seed=key.seed)
