"""Settings of datasets of videos, one class an adapter."""

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat

from commonfate.datasets.settings_shared import (
    Gap,
    Labels,
    ListedVideos,
    Look,
    MaskKind,
    RecordedVideos,
    Size,
    Videos,
)


class SpritesConfig(Videos):
    """The embedded data: textured objects over textured backgrounds, rendered to MP4."""

    adapter: Literal["sprites"] = "sprites"
    """Rendered by the project."""
    videos: int = Field(12, ge=2)
    """Number of videos; a quarter of them (at least one) is the split `val`."""
    frames: int = Field(24, ge=2)
    """Frames a video."""
    size: Size = (128, 224)
    """Height and width, even numbers."""
    fps: PositiveFloat = 12.0
    """Frames a second."""
    seed: int = Field(0, ge=0)
    """Equal seeds give equal bytes."""
    codec: Literal["h264", "mpeg4"] = "h264"
    """Video codec of the MP4 files."""
    labels: Labels = "instances"
    """Content of the masks: a number for each object, or for its class (its family of shapes)."""
    look: Look = "any"
    """`any`: every object may show every photograph; `by_class`: each class has two photographs to
    itself, of which train and val show different halves, so that appearance tells the class."""


class DavisConfig(ListedVideos):
    """DAVIS 2016 in its official layout; frames are read in place."""

    adapter: Literal["davis"] = "davis"
    """DAVIS 2016 as its authors ship it."""
    root: Path
    """Folder that holds JPEGImages, Annotations and ImageSets."""
    resolution: Literal["480p", "1080p"] = "480p"
    """Resolution of the frames."""
    fps: PositiveFloat | None = 24.0
    """Frames a second before `every`; none: unknown, so that times count frames."""
    annotation_kind: MaskKind = "binary"


class SegTrackConfig(RecordedVideos):
    """SegTrackv2; every sequence is of the split `val`, and frames are read in place."""

    adapter: Literal["segtrack"] = "segtrack"
    """SegTrackv2 as its authors ship it, or with the objects of a frame merged, whose masks have
    the `annotation_kind`."""
    root: Path
    """Folder that holds JPEGImages and GroundTruth, or JPEGImages and Annotations."""
    annotation_kind: MaskKind = "binary"
    gaps: tuple[Gap, ...] = (-2, -1, 1, 2)
    """Frame gaps of the flow: from frame t to t+gap."""


class FbmsConfig(RecordedVideos):
    """FBMS-59, annotated in some frames only; frames are read in place."""

    adapter: Literal["fbms"] = "fbms"
    """FBMS-59 as its authors ship it, or cleaned by MotionGrouping's tool (FBMS_clean), whose masks
    have the `annotation_kind`."""
    root: Path
    """Folder that holds Trainingset and Testset, or JPEGImages and Annotations."""
    splits: tuple[Literal["train", "val"], ...] = ("train", "val")
    """Splits to read; `val` is the test set of 30 sequences."""
    annotation_kind: MaskKind = "binary"
    gaps: tuple[Gap, ...] = (-6, -3, 3, 6)
    """Frame gaps of the flow: from frame t to t+gap."""


class YoutubeVosConfig(RecordedVideos):
    """Training split of YouTube-VOS 2019; frames are read in place."""

    adapter: Literal["youtube_vos"] = "youtube_vos"
    """YouTube-VOS as its authors ship it."""
    root: Path
    """Folder that holds train_all_frames, or train, or both."""
    frames: Literal["all", "every_fifth"] = "all"
    """`all`: frames of train_all_frames; `every_fifth`: of train."""
    annotation_kind: MaskKind = "instances"
    labels: Labels = "instances"
    """`classes`: each object has the number of its category in meta.json, in alphabetical order
    from 1, so that a label means the same in all videos; needs masks of instances."""
    held_out: float = Field(0.0, ge=0.0, lt=1.0)
    """Share of the videos that are of the split `val`; 0.2 is TimeT's. It is drawn by the names of
    the videos, so that no video changes its split when others come or go."""
    held_out_seed: int = Field(0, ge=0)
    """Another seed holds out others."""


class Davis2017Config(ListedVideos):
    """DAVIS 2017 in its official layout, masks of objects; frames are read in place."""

    adapter: Literal["davis2017"] = "davis2017"
    """DAVIS 2017 as its authors ship it."""
    root: Path
    """Folder that holds JPEGImages, Annotations_unsupervised (or Annotations) and ImageSets."""
    annotations: Literal["unsupervised", "semi_supervised"] = "unsupervised"
    """Masks of the unsupervised task (Annotations_unsupervised) or of the other (Annotations)."""
    fps: PositiveFloat | None = 24.0
    """Frames a second before `every`; none: unknown, so that times count frames."""


class VisorConfig(ListedVideos):
    """VISOR's sparse masks in DAVIS' layout, as VISOR-VOS' visor_to_davis.py writes it."""

    adapter: Literal["visor"] = "visor"
    """EPIC-KITCHENS VISOR, converted to masks of objects."""
    root: Path
    """Folder that holds JPEGImages, Annotations and ImageSets."""
    resolution: str = Field("480p", pattern=r"^[0-9]+p$")
    """Folder below JPEGImages and Annotations, named after the height that it was converted to."""
    val_list: Literal["val", "val_unseen"] = "val"
    """List of the split `val`: all kitchens, or only those that no training video shows."""


class UvoConfig(RecordedVideos):
    """UVO's videos without their annotations; all are of the split `train`."""

    adapter: Literal["uvo"] = "uvo"
    """Unidentified Video Objects 1.0."""
    root: Path
    """Folder that holds uvo_videos_dense, uvo_videos_sparse, or both."""


class VspwConfig(RecordedVideos):
    """VSPW's videos without their annotations; all are of the split `train`."""

    adapter: Literal["vspw"] = "vspw"
    """Video Scene Parsing in the Wild, 480p."""
    root: Path
    """Folder that holds data."""


class MomentsConfig(RecordedVideos):
    """Moments in Time; the label of a clip is its class."""

    adapter: Literal["moments"] = "moments"
    """Moments in Time as its authors ship it."""
    root: Path
    """Folder Moments_in_Time_Raw, which holds training and validation; of MMAction2's, videos."""
    splits: tuple[Literal["train", "val"], ...] = ("train",)
    """Splits to read: the folders training and validation."""


class EpicConfig(RecordedVideos):
    """EPIC-KITCHENS' videos without annotations; all are of the split `train`."""

    adapter: Literal["epic"] = "epic"
    """EPIC-KITCHENS-100 as its download script lays it out."""
    root: Path
    """Folder EPIC-KITCHENS, which holds a folder a participant."""


class FolderConfig(RecordedVideos):
    """A folder of anyone's videos (files or folders of frames), without ground truth."""

    adapter: Literal["folder"] = "folder"
    """Any folder of videos."""
    root: Path
    """Folder that is searched, subfolders included."""
