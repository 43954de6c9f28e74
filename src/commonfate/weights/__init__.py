"""Published weights of networks: fetched once, verified, kept in a cache folder."""

from commonfate.weights.assets import Asset, Digest, published_assets
from commonfate.weights.cache import ENVIRONMENT, cached_path, fetch, folder

__all__ = ["ENVIRONMENT", "Asset", "Digest", "cached_path", "fetch", "folder", "published_assets"]
