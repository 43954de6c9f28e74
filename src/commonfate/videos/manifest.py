"""The manifest of a dataset: every video, usable or left out, with the reason."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from commonfate.base import parquet
from commonfate.base.errors import UserError
from commonfate.videos import verdict


def gather(
    dataset: str, reports: Sequence[pd.DataFrame], gaps: Sequence[int] = (0,)
) -> pd.DataFrame:
    """Join the reports of all shards, in order of id.

    Args:
        dataset: name, for the error message.
        reports: of the shards, a row a video.
        gaps: a video that is too short for all of them is left out.

    Raises:
        UserError: not one video is usable; the message gives the reasons.
    """
    table = pd.concat(reports, ignore_index=True).sort_values("id", ignore_index=True)
    manifest = long_enough(table, gaps)
    if usable(manifest).empty:
        raise UserError("\n".join([f"{dataset}: none of its videos is usable:", *_lines(manifest)]))
    return manifest


def long_enough(table: pd.DataFrame, gaps: Sequence[int]) -> pd.DataFrame:
    """Copy of a manifest in which usable videos that are too short for all gaps are left out."""
    short = (table["status"] == "ok") & (table["frames"] < verdict.fewest_frames(gaps))
    reasons = [verdict.too_short(frames, gaps) for frames in table.loc[short, "frames"]]
    table = table.copy()
    table.loc[short, "status"] = "left_out"
    table.loc[short, "reason"] = reasons
    return table


def usable(manifest: pd.DataFrame) -> pd.DataFrame:
    """The rows of the videos that later stages work on."""
    return manifest[manifest["status"] == "ok"]


def left_out(manifest: pd.DataFrame) -> list[tuple[str, str]]:
    """Source and reason of each video that is left out."""
    rows = manifest[manifest["status"] == "left_out"]
    return list(zip(rows["source"], rows["reason"], strict=True))


def summary(dataset: str, manifest: pd.DataFrame) -> str:
    """Number of usable videos, then a line for each other video."""
    lines, good = _lines(manifest), usable(manifest)
    counts = f"{dataset}: {len(good)} of {len(manifest)} videos usable"
    if headers := sum(good["looked_at"] == "headers") if "looked_at" in good else 0:
        counts += f" ({headers} by the headers of their images: pixels are seen when they are used)"
    if not lines:
        return counts
    return "\n".join([f"{counts}, {len(lines)} left out:", *lines])


def counts_by_reason(path: Path) -> str:
    """Count the videos of a manifest that are left out, e.g. `3 of 9 videos left out (3 cut)`.

    Returns:
        The counts by kind of reason (its part before a colon); empty if all videos are usable.
    """
    manifest = parquet.read(path)
    reasons = Counter(reason.partition(":")[0] for _, reason in left_out(manifest))
    if not reasons:
        return ""
    kinds = ", ".join(f"{count} {kind}" for kind, count in reasons.most_common())
    return f"{reasons.total()} of {len(manifest)} videos left out ({kinds})"


def _lines(manifest: pd.DataFrame) -> list[str]:
    return [f"  {source}: {reason}" for source, reason in left_out(manifest)]
