"""Weights of networks that others publish: fetched once, verified, kept in a cache folder."""

from commonfate.weights.asset import Asset
from commonfate.weights.cache import ENVIRONMENT, fetch, folder, place
from commonfate.weights.digest import Digest
from commonfate.weights.table import known

__all__ = ["ENVIRONMENT", "Asset", "Digest", "fetch", "folder", "known", "place"]
