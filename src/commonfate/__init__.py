"""From raw videos to the result tables of four papers on motion-guided segmentation."""

from importlib.metadata import version

__version__ = version("commonfate")
