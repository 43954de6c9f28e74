"""The table of published files whose addresses no library knows (`published.csv`)."""

import csv
import functools
from importlib import resources

from commonfate.weights.asset import Asset
from commonfate.weights.digest import Digest


@functools.cache
def known() -> dict[str, Asset]:
    """Assets of the table by name, in its order."""
    text = (resources.files("commonfate.weights") / "published.csv").read_text(encoding="utf-8")
    return {row["name"]: _asset(row) for row in csv.DictReader(text.splitlines())}


def _asset(row: dict[str, str]) -> Asset:
    return Asset(
        name=row["name"],
        urls=tuple(row["urls"].split()),
        file=row["file"],
        digest=Digest.parse(row["digest"]) if row["digest"] else None,
        kind=row["kind"],
        size=int(row["size"]) if row["size"] else None,
        home=row["home"],
    )
