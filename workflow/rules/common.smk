# What the rules share: the checked configuration, the plan of runs, and the names of shards.
#
# Paths begin with <results>, <logs> or <benchmarks>: results/ at scale demo, results/{scale}/ at any
# other, so that no scale overwrites the products of another.

import atexit
import logging
import math
import os
import re
import sys
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout
from snakemake.logging import logger

from commonfate import config as commonfate_config
from commonfate import datasets, plan
from commonfate.base.errors import UserError, check_writable
from commonfate.evaluation import kinds as evaluation_kinds
from commonfate.evaluation.features.run import settings as feature_settings
from commonfate.prediction import crf
from commonfate.samples import kinds
from commonfate.storage import feature_info
from commonfate.base.settings import to_pairs


def check_room():
    """Fail with one line if nothing can be written; Snakemake prints a traceback, or nothing."""
    for folder in map(Path, (".snakemake", "results")):
        check_writable(folder.absolute() if folder.is_dir() else Path.cwd())


def say_room():
    """Print a last line if nothing can be written at the end of the run."""
    try:
        check_room()
    except UserError as error:
        print(error, file=sys.stderr)


try:
    if workflow.is_main_process:
        check_room()
    PLAN = plan.make(
        commonfate_config.load(config), Path(workflow.basedir, "workflow/tables")
    )
except UserError as error:
    sys.exit(str(error))

if workflow.is_main_process:
    atexit.register(say_room)
# Snakemake's log lies on the same disk: a line that it cannot write is no traceback.
logging.raiseExceptions = False

CONFIG = PLAN.config
RESULTS = str(CONFIG.results)


pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


# Every verb looks there; jobs on other nodes read this file, too.
if CONFIG.weights_folder:
    os.environ["COMMONFATE_WEIGHTS"] = str(CONFIG.weights_folder.resolve())
RUN_LOCK = FileLock("results/.snakemake.lock")
FLOW_STORE = {
    "zarr": "<results>/flow/{dataset}/{source}/{shard}.zarr.zip",
    "tiff": "<results>/flow/{dataset}/{source}/{shard}.tiff",
}[CONFIG.flow.container]


DATASET = "|".join(CONFIG.datasets)
# What samples are made of: flow of a source, or something else.
SOURCES = [*CONFIG.flow.sources, *kinds.without_flow()]


wildcard_constraints:
    dataset=DATASET,
    datasets=rf"({DATASET})(\+({DATASET}))*",
    split="train|val|all",
    source="|".join(map(re.escape, SOURCES)),
    shard=r"\d{4,9}",
    run=r"[a-z0-9][a-zA-Z0-9_.=+-]*",
    benchmark="|".join(CONFIG.benchmarks) or "none",
    variant=r"(last|best)(\.adapt\d+)?(\.crf)?",
    prediction=r"(last|best\.[a-z_]+\.[a-z_]+)(\.adapt\d+)?(\.crf)?",
    table="|".join(CONFIG.tables) or "none",


def set_options(settings, leave_out=()):
    """Settings as `--set key=value ...`, so that a job reruns when one of them changes."""
    pairs = [pair for pair in to_pairs(settings) if pair.split("=")[0] not in leave_out]
    return [word for pair in pairs for word in ("--set", pair)]


def rendered(dataset):
    """Folder of rendered videos, for datasets that the project makes itself."""
    made = CONFIG.datasets[dataset].adapter in datasets.RENDERED
    return [f"<results>/datasets/{dataset}"] if made else []


@cache
def listing(dataset):
    """Digests of the names, sizes and times of a dataset's files, by the name of the shard.

    Of an empty folder there is one, so that a dry run can be made.
    """
    settings = CONFIG.datasets[dataset]
    try:
        digests = datasets.shard_digests(
            dataset,
            settings,
            Path(RESULTS, "datasets", dataset),
            Path(RESULTS, "videos", dataset, "inventory"),
            CONFIG.shard_size_of(dataset),
        )
    except UserError as error:
        sys.exit(str(error))
    if not digests:
        logger.warning(
            f"Data set {dataset}: {settings.root} holds no file; planned as if it held one shard."
        )
    return {f"{shard:04d}": digest for shard, digest in (digests or {0: ""}).items()}


def as_listed(dataset, shard):
    """What lies on disk of a shard, so that it is listed again when a video has changed."""
    # A job on another node compares nothing, and should not look through the whole folder.
    return listing(dataset).get(shard, "") if workflow.is_main_process else ""


def shards(dataset):
    """Names of the shards of a dataset."""
    return list(listing(dataset))


def of_shards(pattern, dataset, **wildcards):
    """Paths of one product for every shard of a dataset."""
    return expand(pattern, dataset=dataset, shard=shards(dataset), **wildcards)


def needs_gpu(source):
    """Whether a flow source is a network."""
    return CONFIG.flow.sources[source].estimator not in ("dis", "farneback", "truth")


def run_of(wildcards):
    """The run that a path names."""
    try:
        return PLAN.run(wildcards.run)
    except UserError as error:
        sys.exit(str(error))


def say_left_out():
    """Say at the end of a run which data sets have videos that were left out, and why."""
    from commonfate.videos import manifest

    for dataset in CONFIG.datasets:
        path = Path(RESULTS, "videos", dataset, "manifest.parquet")
        counts = manifest.counts_by_reason(path) if path.exists() else ""
        if counts:
            log = Path(RESULTS, "logs/videos", dataset, "manifest.log")
            logger.warning(f"{dataset}: {counts}; which and why: {log}")
