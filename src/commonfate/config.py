"""The configuration: defaults, bounds and messages of everything that the workflow reads.

Snakemake merges the scale's file (see `scales`) with the command line; `load` checks the result
before any job starts. The plan checks what only some tables need, e.g. the folders of their data.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from commonfate.base.errors import ConfigError
from commonfate.base.settings import Name, Settings, merged, parse, unknown
from commonfate.datasets.settings import Dataset
from commonfate.evaluation.features.benchmarks import AnyFeatureBenchmark, FeatureBenchmark
from commonfate.evaluation.settings import SegmentsBenchmark
from commonfate.flow.settings import FlowConfig, FlowQualityConfig
from commonfate.methods.settings import MethodsConfig
from commonfate.prediction.crf import CrfSettings
from commonfate.samples import kinds
from commonfate.scales import DEMO, changes_demo
from commonfate.training.flow.settings import DEFAULTS as FLOW_RECIPES
from commonfate.training.flow.settings import FlowTrainingSettings
from commonfate.videos.settings import DecodeConfig, FramesConfig

ADAPT = "adapt"
"""Key among the changes to a table's row: steps of adaptation, not a setting of the method."""

RESULTS = Path("results")
STAGES = (
    "benchmarks",
    "datasets",
    "evaluations",
    "features",
    "flow",
    "flow_quality",
    "flow_weights",
    "frames",
    "logs",
    "predictions",
    "runs",
    "samples",
    "tables",
    "videos",
)
"""Folders of `results/`; no scale can have one of these names."""


SHARED_BY_VARIANTS = (
    "dataset",
    "split",
    "metrics",
    "published_as",
    "published_metric",
    "published_settings",
)
"""Keys of a benchmark that those of its variants equal."""


def _each_once(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if not seeds:
        raise ValueError("name at least one seed, e.g. [0, 1, 2]")
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise ValueError(f"seed {seed} is there twice")
    return seeds


Seeds = Annotated[tuple[NonNegativeInt, ...], AfterValidator(_each_once)]


Benchmark = Annotated[SegmentsBenchmark | AnyFeatureBenchmark, Field(discriminator="kind")]


class TableConfig(Settings):
    """Contents of a table at this scale."""

    benchmarks: tuple[Name, ...] = Field(min_length=1)
    """Column groups."""
    seeds: Seeds | None = None
    """Seeds of its trainings; none: those of all tables."""
    flow: Name | None = None
    """Flow source of the rows that name no role; none if no method needs flow."""
    rows: dict[str, dict[str, Any] | None] = Field({})
    """Settings of single rows, by the row's label; `adapt`: steps of adaptation. `null` in their
    place leaves the row out."""
    by_default: bool = True
    """Make the table when no table is named."""

    @field_validator("rows")
    @classmethod
    def _steps_are_counted(
        cls, rows: dict[str, dict[str, Any] | None]
    ) -> dict[str, dict[str, Any] | None]:
        for label, changes in rows.items():
            steps = (changes or {}).get(ADAPT, 0)
            if not isinstance(steps, int) or isinstance(steps, bool) or steps < 0:
                raise ValueError(
                    f"{label}: {ADAPT} = {steps!r} must be a number of steps, 0 or more"
                )
        return rows


class Config(Settings):
    """All settings of the workflow."""

    scale: Name = DEMO
    """Name of the scale, printed in every table; all but `demo` write into `results/{scale}`."""
    based_on: Literal["demo"] | None = None
    """`demo`: keys that the scale does not set are as in config.yaml; none: they have their
    defaults, except at scale `demo`."""
    seeds: Seeds = (0,)
    """Seeds of training, a run for each; tables show mean and deviation of several."""
    shard_size: PositiveInt = 256
    """Videos in one shard; later stages run one job a shard. A dataset may have its own."""
    train_threads: PositiveInt = 8
    """CPU threads of a training, for each of its devices. A change trains nothing again, although
    sums in another order give slightly other weights."""
    predict_threads: PositiveInt = 2
    """CPU threads of a prediction; with adaptation to videos, processes of one thread each."""
    train_devices: dict[Name, PositiveInt] = Field({})
    """Devices of a machine that share a training (DDP), by the name of the method; others use one.
    Batches stay the same."""
    weights_folder: Path | None = None
    """Folder of downloaded weights; none: $COMMONFATE_WEIGHTS or the user's cache folder."""
    datasets: dict[Name, Dataset]
    """Datasets by name; the name appears in paths."""
    decode: DecodeConfig = DecodeConfig()
    frames: FramesConfig = FramesConfig()
    flow: FlowConfig = FlowConfig()
    flow_training: dict[Name, FlowTrainingSettings] = Field(FLOW_RECIPES)
    """Recipes of flow networks that are trained here, by ptlflow's name of the network."""
    flow_quality: FlowQualityConfig = FlowQualityConfig()
    """Contents of the table of flow sources."""
    flow_roles: dict[Name, Name] = Field({})
    """Flow sources by role (raft, pwcnet, arflow); rows of tables name roles."""
    data_roles: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]] = Field({})
    """Datasets by role (unlabelled_video, moments, images, egocentric), which encoders learn from;
    the datasets of one role are one set of videos or images."""
    methods: MethodsConfig = MethodsConfig()
    crf: CrfSettings = CrfSettings()
    """Refinement of the foreground, in rows of tables with a CRF."""
    benchmarks: dict[Name, Benchmark] = Field({})
    """Benchmarks by name; the name heads the columns of tables."""
    tables: dict[Name, TableConfig] = Field({})
    """Tables to make by name; each is declared in workflow/tables."""

    @field_validator("scale")
    @classmethod
    def _scale_has_a_folder_of_its_own(cls, scale: str) -> str:
        if scale in STAGES:
            raise ValueError(f"results/{scale} holds products of scale {DEMO}; choose another name")
        return scale

    @field_validator("flow_training", mode="before")
    @classmethod
    def _fill_from_recipes(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        recipes = {name: recipe.model_dump() for name, recipe in FLOW_RECIPES.items()}
        return merged(recipes, given)

    @model_validator(mode="before")
    @classmethod
    def _seed_is_a_list_now(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and "seed" in given:
            raise ValueError(f"seed is not a key any more; write seeds: [{given['seed']}]")
        return given

    @field_validator("benchmarks", mode="before")
    @classmethod
    def _segments_unless_said(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {
            name: {"kind": "segments", **values} if isinstance(values, Mapping) else values
            for name, values in given.items()
        }

    @field_validator("flow")
    @classmethod
    def _samples_have_other_names(cls, flow: FlowConfig) -> FlowConfig:
        for name in kinds.without_flow():
            if name in flow.sources:
                taken = f"{name!r} is what samples without flow are called"
                raise ValueError(f"sources: {taken}; rename it")
        return flow

    @model_validator(mode="after")
    def _names_exist(self) -> "Config":
        for name, benchmark in self.benchmarks.items():
            _must_exist(benchmark.dataset, self.datasets, f"benchmarks.{name}.dataset")
            for dataset in benchmark.train_datasets:
                _must_exist(dataset, self.datasets, f"benchmarks.{name}.train_datasets")
            for dataset in benchmark.pretrain_datasets:
                _must_exist(dataset, self.datasets, f"benchmarks.{name}.pretrain_datasets")
            for variant, own in benchmark.variants.items():
                where = f"benchmarks.{name}.variants.{variant}"
                _must_exist(own, self.benchmarks, where)
                _must_be_the_same(self.benchmarks[own], benchmark, where)
            _check_view(benchmark, f"benchmarks.{name}.view")
        for name, table in self.tables.items():
            for benchmark_name in table.benchmarks:
                _must_exist(benchmark_name, self.benchmarks, f"tables.{name}.benchmarks")
            if table.flow is not None:
                _must_exist(table.flow, self.flow.sources, f"tables.{name}.flow")
        for name in self.train_devices:
            _must_exist(name, MethodsConfig.model_fields, "train_devices")
        for role, source in self.flow_roles.items():
            _must_exist(source, self.flow.sources, f"flow_roles.{role}")
        for role, names in self.data_roles.items():
            for dataset in names:
                _must_exist(dataset, self.datasets, f"data_roles.{role}")
                if names.count(dataset) > 1:
                    raise ValueError(f"data_roles.{role}: {dataset!r} is there twice")
        for name in self.flow_quality.datasets:
            rendered = [key for key, value in self.datasets.items() if value.adapter == "sprites"]
            _must_exist(name, rendered, "flow_quality.datasets")
        for name in self.flow_quality.sources:
            _must_exist(name, self.flow.sources, "flow_quality.sources")
        return self

    @property
    def results(self) -> Path:
        """Folder of all products: `results` at scale demo, `results/{scale}` at any other."""
        return RESULTS if self.scale == DEMO else RESULTS / self.scale

    def of_scale(self, target: str) -> str:
        """Path of a product at this scale: `results/a.csv` becomes `results/{scale}/a.csv`.

        A path outside `results`, or one that already names the scale, is returned unchanged.
        """
        path = Path(os.path.normpath(target))
        if path.parts[:1] != RESULTS.parts or path.is_relative_to(self.results):
            return target
        return str(self.results / path.relative_to(RESULTS))

    def shard_size_of(self, dataset: str) -> int:
        """Videos in one shard of a dataset."""
        return self.datasets[dataset].shard_size or self.shard_size

    def seeds_of(self, table: str) -> tuple[int, ...]:
        """Seeds of the trainings of a table."""
        return self.tables[table].seeds or self.seeds


def _check_view(benchmark: Benchmark, key: str) -> None:
    if isinstance(benchmark, FeatureBenchmark):
        try:
            benchmark.checked_view()
        except ConfigError as error:
            raise ValueError(f"{key}: {error}") from None


def _must_be_the_same(variant: Benchmark, benchmark: Benchmark, key: str) -> None:
    for name in SHARED_BY_VARIANTS:
        if getattr(variant, name) != getattr(benchmark, name):
            raise ValueError(f"{key}: {name} differs; scores of both stand in the same column")


def _must_exist(name: str, names: Collection[str], key: str) -> None:
    if name not in names:
        raise ValueError(f"{key} {name!r}{unknown(name, names)}")


def load(values: Mapping[str, Any], where: str = "config") -> Config:
    """Check a merged configuration.

    Raises:
        ConfigError: a line for each mistake: unknown key or name, bad value.
    """
    if "datasets" not in values and not changes_demo(values):
        raise ConfigError(
            f"{where}: scale {values['scale']!r} has no datasets; name some, or add "
            f"based_on: {DEMO} for what it does not set to be as in config.yaml"
        )
    return parse(Config, values, where)
