"""Base class of the kinds of training sample."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from commonfate.datasets.settings import AnyDataset

if TYPE_CHECKING:  # the plan imports the kinds but not numpy
    import numpy as np

    from commonfate.samples.example import Example
    from commonfate.samples.index import Sample
    from commonfate.samples.sampler import SampleKey
    from commonfate.samples.stores import Stores
    from commonfate.storage.flow_reader import FlowReader
    from commonfate.storage.frames import FrameReader


class Listed(NamedTuple):
    """One sample of a video: a frame, and the places of its other data.

    Attributes:
        t: number of the frame, counted from 0.
        gaps: gaps of which each use draws one; [0] if there is nothing to draw.
        flow_store: store of the flow; "" without flow.
        file: another file, e.g. an image of classes; "" without one.
        file_kind: kind of its content, see `datasets.annotations`; "" without one.
    """

    t: int
    gaps: list[int]
    flow_store: str = ""
    file: str = ""
    file_kind: str = ""


class OpenStores(Protocol):
    """Stores that a process which reads samples keeps open."""

    def frames(self, path: str) -> "FrameReader":
        """Return a frame store, opened if need be."""

    def flow(self, path: str) -> "FlowReader":
        """Return a flow store, opened if need be."""


class SampleKind(ABC):
    """A kind of sample: its names, the data sets that offer it, listing and reading.

    Plan, rules and verbs use this class alone; a new kind is a subclass in a module of its own, and
    a line in `samples.kinds`.
    """

    name: ClassVar[str]
    """Value of `learns_from` of the methods that learn from it, and of `--learns-from`."""
    words: ClassVar[str]
    """Name in tables: `learnt from {words} of davis2016`."""
    help: ClassVar[str]
    """Description of one sample, for `--help`."""
    lacking: ClassVar[str]
    """End of a message about a data set without such samples; `{}` is the data set's name."""
    cure: ClassVar[str]
    """Advice if no video has a sample."""
    has_flow: ClassVar[bool] = False
    """True if samples have flow; their name then ends in the flow source, not the kind's name."""
    has_pair_gaps: ClassVar[bool] = False
    """True if gaps are chosen when samples are listed (a data set's `pair_gaps`)."""
    no_pair_gaps: ClassVar[str] = ""
    """Reason for which gaps are not chosen, for messages."""
    has_times: ClassVar[bool] = False
    """True if frames are chosen by their times: then frames a second are part of the content."""
    supervised: ClassVar[bool] = False
    """True if samples hold ground truth: then a video that is scored must not be learnt from."""

    def of_method(self, settings: Any) -> "SampleKind":
        """The kind as a method reads it whose settings may choose what is read."""
        return self

    @abstractmethod
    def is_offered_by(self, dataset: AnyDataset) -> bool:
        """True if a data set of these settings can have such samples."""

    @abstractmethod
    def of_video(
        self, video: Any, stores: "Stores", manifest: Path, gaps: Sequence[int]
    ) -> Iterator[Listed]:
        """List the samples of one video, by t.

        Args:
            video: the video's row of the manifest.
            stores: stores of its data set.
            manifest: path of the manifest, for messages.
            gaps: positive gaps if `has_pair_gaps`, else empty.

        Raises:
            UserError: no store holds the video.
        """

    def digest_of_files(self, files: Sequence[str]) -> str | None:
        """Digest of the files `Listed.file` of all samples, in order; None without files.

        Raises:
            StoreError: a file cannot be read.
        """
        return None

    def frame(self, sample: "Sample", key: "SampleKey", stores: OpenStores) -> "np.ndarray":
        """Read the frame of a sample: (H, W, 3) uint8, RGB.

        Raises:
            StoreError: the store or an image is missing or damaged.
        """
        return stores.frames(sample.frame_store).read(sample.video, sample.t)

    @abstractmethod
    def read(
        self, sample: "Sample", key: "SampleKey", frame: "np.ndarray", stores: OpenStores
    ) -> "Example":
        """Read the data of a sample beside its frame.

        Args:
            sample: a row of the index.
            key: one use of the sample.
            frame: (H, W, 3) uint8, RGB.
            stores: opens the sample's stores.

        Raises:
            StoreError: a store or a file is missing, damaged, or does not fit the frame.
        """
