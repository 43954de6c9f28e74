"""Folders of datasets in the layout of DAVIS 2017."""

from dataclasses import dataclass

from commonfate.datasets.settings import Davis2017Config, VisorConfig

DAVIS2017_MASKS = {"unsupervised": "Annotations_unsupervised", "semi_supervised": "Annotations"}
"""Folder of DAVIS 2017's masks, by the setting `annotations`."""


@dataclass(frozen=True)
class SequenceFolders:
    """Folders and lists of sequences of frames, relative to the root.

    Attributes:
        frames: folder of the sequences' frames.
        masks: folder of their masks.
        lists: list of the names of each split.
        numbered: see `VideoSource`.
    """

    frames: str
    masks: str
    lists: dict[str, str]
    numbered: bool


def sequence_folders(settings: Davis2017Config | VisorConfig) -> SequenceFolders:
    """Folders of DAVIS 2017 or of VISOR."""
    if isinstance(settings, Davis2017Config):
        masks = DAVIS2017_MASKS[settings.annotations]
        files: dict[str, str] = {split: f"ImageSets/2017/{split}.txt" for split in settings.splits}
        return SequenceFolders("JPEGImages/480p", f"{masks}/480p", files, numbered=True)
    names = {"train": "train", "val": settings.val_list}
    files = {split: f"ImageSets/2022/{names[split]}.txt" for split in settings.splits}
    size = settings.resolution
    # Frames were chosen for their content, so their numbers have gaps.
    return SequenceFolders(f"JPEGImages/{size}", f"Annotations/{size}", files, numbered=False)
