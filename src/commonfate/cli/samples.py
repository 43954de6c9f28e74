"""`commonfate samples`: index training samples."""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from commonfate.cli import options
from commonfate.samples.kinds import KINDS

log = logging.getLogger(__name__)
EXISTING = click.Path(exists=True, path_type=Path)


class _Gap(click.ParamType):
    """A number of frames, for every dataset or for one."""

    name = "[DATASET=]N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str | None, int]:
        dataset, equals, number = str(value).rpartition("=")
        if not number.isdecimal() or int(number) < 1 or (equals and not dataset):
            self.fail(f"{value!r}: expected a number of frames, at least 1, or DATASET=N", param)
        return dataset or None, int(number)


class _Store(click.ParamType):
    """An existing store, of the only dataset or of a named one."""

    name = "[DATASET=]PATH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str | None, Path]:
        dataset, equals, path = str(value).partition("=")
        if not equals or Path(value).exists():
            return None, EXISTING.convert(value, param, ctx)
        return dataset, EXISTING.convert(path, param, ctx)


@click.command()
@click.option(
    "--manifest",
    "manifests",
    type=EXISTING,
    multiple=True,
    required=True,
    help="results/videos/{dataset}/manifest.parquet; repeat it to train on several datasets.",
)
@click.option(
    "--learns-from",
    type=click.Choice(list(KINDS)),
    default="flow",
    show_default=True,
    help=f"Kind of sample: {'; '.join(f'{name}, {kind.help}' for name, kind in KINDS.items())}.",
)
@click.option(
    "--frames",
    type=_Store(),
    multiple=True,
    required=True,
    help="Frame store of a shard; with several datasets, DATASET=PATH. Repeatable.",
)
@click.option(
    "--flow",
    type=_Store(),
    multiple=True,
    help="Flow store of a shard; with several datasets, DATASET=PATH. Repeatable.",
)
@click.option(
    "--gap",
    "gaps",
    type=_Gap(),
    multiple=True,
    help="For pairs: frames from the first to the second, in every dataset or in one. Repeatable.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "all"]),
    default="all",
    show_default=True,
    help="Videos to learn from; only labels are learnt from ground truth.",
)
@options.output("results/samples/{name}/index.parquet.")
def command(
    manifests: tuple[Path, ...],
    learns_from: str,
    frames: tuple[tuple[str | None, Path], ...],
    flow: tuple[tuple[str | None, Path], ...],
    gaps: tuple[tuple[str | None, int], ...],
    split: str,
    output: Path,
) -> None:
    """Index training samples: a row for each frame, with the places of the data to learn from.

    \b
        commonfate samples --manifest manifest.parquet --frames 0000.zarr.zip \\
            --flow flow.zarr.zip -o index.parquet

    With several datasets, each store is given as DATASET=PATH.
    """
    from commonfate.base import parquet
    from commonfate.samples.build import build, by_dataset

    _check(learns_from, flow, gaps)
    datasets = by_dataset(manifests)
    own_gaps = _gaps(gaps, datasets, learns_from) if KINDS[learns_from].has_pair_gaps else None
    owners = _owners({"frames": frames, "flow": flow}, datasets)
    frame_stores, flow_stores = ([path for _, path in given] for given in (frames, flow))
    table, record = build(
        manifests, frame_stores, flow_stores, split, learns_from, own_gaps, owners
    )
    parquet.write(output, table, record)
    for dataset, count in record["videos"].items():
        log.info(
            "%s: %d videos used, %d left out, %d without %s",
            dataset,
            count["used"],
            count["left_out"],
            count[f"without_{learns_from}"],
            learns_from,
        )
        for video, reason in count.get("left_out_of_flow", {}).items():
            log.warning("%s: no samples of it, its flow was left out: %s", video, reason)
    log.info("%s: %d samples", output, len(table))


def _check(learns_from: str, flow: Sequence[Any], gaps: Sequence[Any]) -> None:
    """Refuse options that do not go together."""
    kind = KINDS[learns_from]
    if kind.has_flow and not flow:
        raise click.UsageError(
            f"--learns-from {learns_from}: needs --flow, once for each flow store"
        )
    if flow and not kind.has_flow:
        raise click.UsageError(f"--learns-from {learns_from}: reads no flow; leave --flow out")
    if gaps and not kind.has_pair_gaps:
        others = " or ".join(other.name for other in KINDS.values() if other.has_pair_gaps)
        raise click.UsageError(f"--gap is of --learns-from {others}; {kind.no_pair_gaps}")


def _owners(
    stores: Mapping[str, Sequence[tuple[str | None, Path]]], datasets: Collection[str]
) -> dict[Path, str]:
    """Dataset of each store; a single dataset needs no name."""
    only = next(iter(datasets)) if len(datasets) == 1 else None
    names = ", ".join(datasets)
    owners: dict[Path, str] = {}
    for option, given in stores.items():
        for dataset, path in given:
            owner = dataset or only
            if owner is None:
                raise click.UsageError(
                    f"--{option} {path}: of which dataset? Give --{option} DATASET={path}; there "
                    f"are: {names}"
                )
            if owner not in datasets:
                raise click.UsageError(
                    f"--{option} {owner}={path}: there is no such --manifest; there are: {names}"
                )
            owners[path] = owner
    return owners


def _gaps(
    gaps: Sequence[tuple[str | None, int]], datasets: Collection[str], learns_from: str
) -> dict[str, tuple[int, ...]]:
    """Gaps of each dataset."""
    names = ", ".join(datasets)
    for dataset, number in gaps:
        if dataset is not None and dataset not in datasets:
            raise click.UsageError(
                f"--gap {dataset}={number}: there is no such --manifest; there are: {names}"
            )
    by_dataset = {
        name: tuple(sorted({number for dataset, number in gaps if dataset in (None, name)}))
        for name in datasets
    }
    for name, own in by_dataset.items():
        if not own:
            raise click.UsageError(
                f"--learns-from {learns_from}: {name} has no gap; give --gap 1 or --gap {name}=1"
            )
    return by_dataset
