"""Datasets: where videos, frames and ground truth lie, one adapter a layout."""

from pathlib import Path

from commonfate.config import DavisConfig, FolderConfig, SpritesConfig
from commonfate.datasets.base import Adapter, VideoSource
from commonfate.datasets.davis import Davis
from commonfate.datasets.folder import Folder
from commonfate.datasets.rendered import Sprites

__all__ = ["Adapter", "VideoSource", "open"]


def open(
    name: str, settings: SpritesConfig | DavisConfig | FolderConfig, rendered_root: str | Path
) -> Adapter:
    """Find the adapter of a dataset.

    Args:
        name: the dataset's name in the configuration; starts the adapter's error messages.
        settings: its settings, which also say which adapter it needs.
        rendered_root: folder of this dataset's rendered videos (`results/datasets/{name}`);
            only the embedded data lie there.
    """
    if isinstance(settings, SpritesConfig):
        return Sprites(settings, Path(rendered_root))
    adapters = {DavisConfig: Davis, FolderConfig: Folder}
    return adapters[type(settings)](name, settings)
