"""Settings of datasets: one class an adapter; `adapter` says which one a dataset has."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from commonfate.base.settings import Settings


def _can_be_encoded(size: tuple[int, int]) -> tuple[int, int]:
    if any(side % 2 or side < 32 for side in size):
        raise ValueError("height and width must be even numbers of at least 32")
    return size


Gap = Annotated[int, Field(ge=-64, le=64)]
PairGap = Annotated[int, Field(ge=1, le=64)]
MaskKind = Literal["binary", "grey", "instances", "colours"]
Labels = Literal["instances", "classes"]
Look = Literal["any", "by_class"]
Size = Annotated[tuple[int, int], AfterValidator(_can_be_encoded)]


class _Shards(Settings):
    shard_size: PositiveInt | None = None
    """Videos or images in one shard; none: `shard_size` of all datasets. For images it is best
    thousands, since later stages run one job a shard."""


class _Videos(_Shards):
    gaps: tuple[Gap, ...] = (-1, 1)
    """Frame gaps of the flow: from frame t to t+gap."""
    pair_gaps: tuple[PairGap, ...] = (1,)
    """Frame gaps of the pairs that methods without flow learn from: frames t and t+gap."""

    @model_validator(mode="after")
    def _gaps_make_sense(self) -> "_Videos":
        if not self.gaps or 0 in self.gaps or len(set(self.gaps)) < len(self.gaps):
            raise ValueError(f"gaps {list(self.gaps)} must be different and not 0")
        if not self.pair_gaps or len(set(self.pair_gaps)) < len(self.pair_gaps):
            raise ValueError(f"pair_gaps {list(self.pair_gaps)} must be different, at least one")
        return self


class RecordedVideos(_Videos):
    """Settings of all datasets of videos that the project does not render."""

    every: int = Field(1, ge=1, le=1000)
    """Use one frame in so many, from the first on; gaps then count the frames that are used."""
    fps: PositiveFloat | None = None
    """Frames a second of frames that come as images, before `every`; none: unknown, so that times
    count frames. Video files say it themselves."""


class _Images(_Shards):
    gaps: tuple[()] = ()
    """Empty: still images have no flow."""
    pair_gaps: tuple[()] = ()
    """Empty: still images make no pairs."""


class SpritesConfig(_Videos):
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


class SpriteImagesConfig(_Images):
    """Embedded stand-in for image benchmarks: still images of scenes like those of `sprites`."""

    adapter: Literal["sprite_images"] = "sprite_images"
    """Rendered by the project."""
    images: int = Field(12, ge=1)
    """Number of images of the split `val`."""
    train_images: int = Field(0, ge=0)
    """Number of images, of other scenes, of the split `train`."""
    labels: Labels = "instances"
    """Content of the masks: a number for each object, or for its class (its family of shapes)."""
    size: Size = (128, 224)
    """Height and width, even numbers."""
    seed: int = Field(0, ge=0)
    """Equal seeds give equal bytes; no scene is that of a video, whatever the seeds."""
    look: Look = "any"
    """`any`: every object may show every photograph; `by_class`: each class has two photographs to
    itself, of which train and val show different halves, so that appearance tells the class."""
    objects: int | None = Field(None, ge=1, le=3)
    """Objects an image; none: one to three. An image of one object with `look: by_class` has the
    thing that it shows, one of ten, as its label, as the images of ImageNet have."""

    @property
    def shows_one_thing(self) -> bool:
        """True if the label of an image is the thing that it shows."""
        return self.objects == 1 and self.look == "by_class"


class DavisConfig(RecordedVideos):
    """DAVIS 2016 in its official layout; frames are read in place."""

    adapter: Literal["davis"] = "davis"
    """DAVIS 2016 as its authors ship it."""
    root: Path
    """Folder that holds JPEGImages, Annotations and ImageSets."""
    resolution: Literal["480p", "1080p"] = "480p"
    """Resolution of the frames."""
    splits: tuple[Literal["train", "val"], ...] = ("train", "val")
    """Splits to read; each has its list in ImageSets."""
    fps: PositiveFloat | None = 24.0
    """Frames a second before `every`; none: unknown, so that times count frames."""
    annotation_kind: MaskKind = "binary"
    """Kind of the masks: `binary` (0 and 255), `grey` (0 to 255), `instances` (labels of objects,
    255 is void) or `colours` (all but black is foreground)."""


class SegTrackConfig(RecordedVideos):
    """SegTrackv2; every sequence is of the split `val`, and frames are read in place."""

    adapter: Literal["segtrack"] = "segtrack"
    """SegTrackv2 as its authors ship it, or with the objects of a frame merged."""
    root: Path
    """Folder that holds JPEGImages and GroundTruth, or JPEGImages and Annotations."""
    annotation_kind: MaskKind = "binary"
    """Kind of masks that are merged to one a frame: `binary` (0 and 255), `grey` (0 to 255),
    `instances` (labels, 255 is void) or `colours` (all but black is foreground)."""
    gaps: tuple[Gap, ...] = (-2, -1, 1, 2)
    """Frame gaps of the flow: from frame t to t+gap."""


class FbmsConfig(RecordedVideos):
    """FBMS-59, annotated in some frames only; frames are read in place."""

    adapter: Literal["fbms"] = "fbms"
    """FBMS-59 as its authors ship it, or cleaned by MotionGrouping's tool (FBMS_clean)."""
    root: Path
    """Folder that holds Trainingset and Testset, or JPEGImages and Annotations."""
    splits: tuple[Literal["train", "val"], ...] = ("train", "val")
    """Splits to read; `val` is the test set of 30 sequences."""
    annotation_kind: MaskKind = "binary"
    """Kind of the masks of the cleaned layout: `binary` (0 and 255), `grey` (0 to 255),
    `instances` (labels, 255 is void) or `colours` (all but black is foreground)."""
    gaps: tuple[Gap, ...] = (-6, -3, 3, 6)
    """Frame gaps of the flow: from frame t to t+gap."""


class ImagesConfig(_Images):
    """Still images with a mask each; all are of the split `val`."""

    adapter: Literal["images"] = "images"
    """Image benchmarks, and any folder of images beside a folder of masks."""
    root: Path
    """Folder that holds both folders."""
    layout: Literal["cub", "duts", "ecssd", "dut_omron", "pairs"] = "pairs"
    """Names of the folders; of `pairs` they are images and masks."""
    annotation_kind: MaskKind = "grey"
    """Kind of the masks: `binary` (0 and 255), `grey` (0 to 255), `instances` (labels of objects,
    255 is void) or `colours` (all but black is foreground)."""


class YoutubeVosConfig(RecordedVideos):
    """Training split of YouTube-VOS 2019; frames are read in place."""

    adapter: Literal["youtube_vos"] = "youtube_vos"
    """YouTube-VOS as its authors ship it."""
    root: Path
    """Folder that holds train_all_frames, or train, or both."""
    frames: Literal["all", "every_fifth"] = "all"
    """`all`: frames of train_all_frames; `every_fifth`: of train."""
    annotation_kind: MaskKind = "instances"
    """Kind of the masks: `binary` (0 and 255), `grey` (0 to 255), `instances` (labels of objects,
    255 is void) or `colours` (all but black is foreground)."""


class VocConfig(_Images):
    """PASCAL VOC 2012, semantic segmentation: still images with a class for each pixel."""

    adapter: Literal["voc"] = "voc"
    """VOC 2012 as its authors ship it, or as Leopart's voc_data."""
    root: Path
    """Folder that holds SegmentationClass."""
    layout: Literal["devkit", "voc_data"] = "devkit"
    """Names of the folders."""
    splits: tuple[Literal["train", "val"], ...] = ("train", "val")
    """Splits to read; each has its list."""
    train_list: Literal["trainaug", "train"] = "trainaug"
    """List of the split `train`: with SBD's masks (10,582 images), or VOC's alone (1,464)."""


class FolderConfig(RecordedVideos):
    """A folder of anyone's videos (files or folders of frames), without ground truth."""

    adapter: Literal["folder"] = "folder"
    """Any folder of videos."""
    root: Path
    """Folder that is searched, subfolders included."""


DatasetOnDisk = (
    DavisConfig
    | SegTrackConfig
    | FbmsConfig
    | ImagesConfig
    | YoutubeVosConfig
    | VocConfig
    | FolderConfig
)
AnyDataset = SpritesConfig | SpriteImagesConfig | DatasetOnDisk
Dataset = Annotated[AnyDataset, Field(discriminator="adapter")]
