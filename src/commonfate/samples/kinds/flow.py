"""Kind of sample: a frame with the flow that starts there."""

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


class FrameWithFlow(SampleKind):
    """A frame with its flow of one of the stored gaps."""

    name = "flow"
    words = "flow"
    help = "a frame with flow"
    lacking = "flow, but data set {} has no frame gaps"
    cure = "use longer videos or smaller gaps"
    has_flow = True
    no_pair_gaps = "flow has the gaps of its stores"

    def is_offered_by(self, dataset: AnyDataset) -> bool:
        return bool(dataset.gaps)

    def of_video(
        self, video: Any, stores: "Stores", manifest: Path, gaps: Sequence[int]
    ) -> Iterator[Listed]:
        store = stores.flow_store(video.id, manifest)
        if store is None:
            return
        path, reader = store
        starting: dict[int, list[int]] = {}
        for gap in sorted(reader.gaps(video.id)):
            for t in reader.frames_with_flow(video.id, gap):
                starting.setdefault(int(t), []).append(int(gap))
        for t in sorted(starting):
            yield Listed(t, starting[t], flow_store=str(path))

    def read(
        self, sample: "Sample", key: "SampleKey", frame: "np.ndarray", stores: OpenStores
    ) -> "Example":
        from commonfate.samples.example import Example

        flow = stores.flow(sample.flow_store).read(sample.video, key.gap, sample.t)
        return Example(frame, flow=flow, flip=key.flip, seed=key.seed)
