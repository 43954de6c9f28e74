"""Published weights of networks: fetched once, verified, kept in a cache folder."""

from commonfate.weights.assets import Asset, Digest, bundled, published_assets
from commonfate.weights.cache import ENVIRONMENT, cached_path, fetch, folder

__all__ = ["ENVIRONMENT", "Asset", "Digest", "bundled", "cached_path", "fetch", "folder"]
__all__ += ["published_assets"]
