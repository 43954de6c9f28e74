"""The configuration: one source of truth for defaults, bounds and messages.

Snakemake merges the scale's file (see `scales`) with the command line; `load` checks the result
before any job starts. Paths of datasets are checked for those that the tables use.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from commonfate.base.errors import ConfigError
from commonfate.base.settings import Name, Settings, merged, parse, unknown
from commonfate.datasets.settings import Dataset
from commonfate.evaluation import kinds as evaluation_kinds
from commonfate.flow.settings import FlowConfig, FlowQualityConfig
from commonfate.methods.settings import MethodsConfig
from commonfate.prediction.crf_settings import CrfSettings
from commonfate.samples import kinds
from commonfate.scales import DEMO, changes_demo
from commonfate.training.flow.settings import DEFAULTS as FLOW_RECIPES
from commonfate.training.flow.settings import FlowTrainingSettings

ADAPT = "adapt"
"""Among the changes to a row at a scale: steps of adaptation, no setting of the method."""

RESULTS = Path("results")
STAGES = (
    "benchmarks",
    "datasets",
    "evaluations",
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
"""Folders of `results/`, after which no scale can be called."""


class DecodeConfig(Settings):
    """Reading video files."""

    backend: Literal["auto", "decord", "pyav"] = "auto"
    """`auto` is decord, then PyAV for what decord cannot read or where it is not installed."""
    timeout_s: PositiveFloat = 300.0
    """Seconds without a new frame after which a video is given up."""
    deinterlace: bool = False
    """Make whole frames of interlaced ones; without it they are used as they are, combed."""


class FramesConfig(Settings):
    """How decoded frames are stored."""

    codec: Literal["blosc", "jpeg", "png"] = "blosc"
    """`blosc` and `png` are lossless; `jpeg` is several times smaller."""
    quality: int = Field(95, ge=1, le=100)
    """Quality of `jpeg`."""


Protocol = Literal[
    "davis",
    "davis_released",
    "davis_official",
    "frame_average",
    "frame_average_released",
]


def _is_metric(name: str) -> str:
    if name not in evaluation_kinds.metrics():
        raise ValueError(f"metric {name!r}{unknown(name, evaluation_kinds.metrics())}")
    return name


Metric = Annotated[
    str,
    AfterValidator(_is_metric),
    WithJsonSchema({"enum": list(evaluation_kinds.metrics()), "type": "string"}),
]
"""A metric of one of the kinds of evaluation."""


class BenchmarkConfig(Settings):
    """A dataset split with ground truth, and how it is scored."""

    dataset: Name
    """Which dataset."""
    split: Literal["train", "val", "all"] = "val"
    """Videos that are scored."""
    train_split: Literal["train", "val", "all"] = "all"
    """What methods learn from: videos without ground truth; only semantic segmentation reads it."""
    train_datasets: tuple[Name, ...] = ()
    """Datasets that methods learn from together; none is the one that is scored."""
    pretrain_datasets: tuple[Name, ...] = ()
    """Datasets, all splits, that methods which learn from pairs of frames learn from, and runs that
    others start from; none are those that other methods learn from."""
    protocol: Protocol = "davis"
    """Averaging and excluded frames."""
    released_protocol: Protocol | None = None
    """The same as the released code has it; none is `protocol`."""
    metrics: tuple[Metric, ...] = ("J",)
    """What tables show."""
    resolution: Literal["network", "native"] = "network"
    """Size at which frames are segmented: that of the training, or the frame's own."""
    crop: Literal["none", "square"] = "none"
    """`square`: only the central square of a frame is segmented and scored."""
    published_as: str | None = None
    """Name of the same benchmark in the papers' tables, if it is one."""

    @property
    def learnt_from(self) -> tuple[str, ...]:
        """Datasets that trained methods learn from, if not from `pretrain_datasets`."""
        return self.train_datasets or (self.dataset,)


def _each_once(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if not seeds:
        raise ValueError("name at least one seed, e.g. [0, 1, 2]")
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise ValueError(f"seed {seed} is there twice")
    return seeds


Seeds = Annotated[tuple[NonNegativeInt, ...], AfterValidator(_each_once)]


class TableConfig(Settings):
    """What a table is made of at this scale."""

    benchmarks: tuple[Name, ...] = Field(min_length=1)
    """Column groups."""
    seeds: Seeds | None = None
    """Seeds of its trainings; none are those of all tables."""
    flow: Name | None = None
    """Flow source of rows that ask for none by its role; none where no method needs flow."""
    rows: dict[str, dict[str, Any]] = Field({})
    """Settings of single rows at this scale, by the row's label; `adapt`: steps of adaptation."""
    by_default: bool = True
    """Whether the table is made when none is named."""

    @field_validator("rows")
    @classmethod
    def _steps_are_counted(cls, rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for label, changes in rows.items():
            steps = changes.get(ADAPT, 0)
            if not isinstance(steps, int) or isinstance(steps, bool) or steps < 0:
                raise ValueError(
                    f"{label}: {ADAPT} = {steps!r} must be a number of steps, 0 or more"
                )
        return rows


class Config(Settings):
    """Everything that the workflow reads."""

    scale: Name = DEMO
    """Name of the scale, printed in every table; all but `demo` have a folder `results/{scale}`."""
    based_on: Literal["demo"] | None = None
    """`demo`: what the scale does not set is as in config.yaml; none: it is the setting's default,
    as it is for every scale that has another name than the demo."""
    seeds: Seeds = (0,)
    """Seeds of training: a run of each, and tables show mean and deviation of several."""
    shard_size: PositiveInt = 256
    """Videos a job."""
    train_threads: PositiveInt = 8
    """CPU threads of a training, for each of its devices. Another number trains nothing again,
    though sums in another order make other weights."""
    predict_threads: PositiveInt = 2
    """CPU threads of a prediction; where it adapts to videos, as many processes of one thread."""
    train_devices: dict[Name, PositiveInt] = Field({})
    """Devices of a machine that share a training (DDP), by the name of the method; others use one.
    They do not change what is learnt from."""
    weights_folder: Path | None = None
    """Where downloaded weights are kept; none is $COMMONFATE_WEIGHTS or the user's cache folder."""
    datasets: dict[Name, Dataset]
    """Sources of videos by name; the name appears in paths."""
    decode: DecodeConfig = DecodeConfig()
    frames: FramesConfig = FramesConfig()
    flow: FlowConfig = FlowConfig()
    flow_training: dict[Name, FlowTrainingSettings] = Field(FLOW_RECIPES)
    """Recipes of flow networks that are trained here, by ptlflow's names of the networks."""
    flow_quality: FlowQualityConfig = FlowQualityConfig()
    """What the table of flow sources compares."""
    flow_roles: dict[Name, Name] = Field({})
    """Which flow source plays a role (raft, pwcnet, arflow) that rows of tables ask for."""
    methods: MethodsConfig = MethodsConfig()
    crf: CrfSettings = CrfSettings()
    """Refinement of the foreground, for rows of tables that ask for it."""
    benchmarks: dict[Name, BenchmarkConfig] = Field({})
    """What is scored, by name; the name heads the columns of tables."""
    tables: dict[Name, TableConfig] = Field({})
    """Tables to make, by name; each is declared in workflow/tables."""

    @field_validator("scale")
    @classmethod
    def _scale_has_a_folder_of_its_own(cls, scale: str) -> str:
        if scale in STAGES:
            raise ValueError(f"results/{scale} holds products of scale {DEMO}; choose another name")
        return scale

    @field_validator("flow_training", mode="before")
    @classmethod
    def _keys_not_given_are_the_recipes(cls, given: Any) -> Any:
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
        for name, table in self.tables.items():
            for benchmark_name in table.benchmarks:
                _must_exist(benchmark_name, self.benchmarks, f"tables.{name}.benchmarks")
            if table.flow is not None:
                _must_exist(table.flow, self.flow.sources, f"tables.{name}.flow")
        for name in self.train_devices:
            _must_exist(name, MethodsConfig.model_fields, "train_devices")
        for role, source in self.flow_roles.items():
            _must_exist(source, self.flow.sources, f"flow_roles.{role}")
        for name in self.flow_quality.datasets:
            known = [key for key, value in self.datasets.items() if value.adapter == "sprites"]
            _must_exist(name, known, "flow_quality.datasets")
        for name in self.flow_quality.sources:
            _must_exist(name, self.flow.sources, "flow_quality.sources")
        return self

    @property
    def results(self) -> Path:
        """Folder of all products: `results` at scale demo, `results/{scale}` at any other."""
        return RESULTS if self.scale == DEMO else RESULTS / self.scale

    def of_scale(self, target: str) -> str:
        """Path at this scale of a product: `results/a.csv` becomes `results/{scale}/a.csv`.

        What lies elsewhere, or names its scale already, is returned as it is.
        """
        path = Path(os.path.normpath(target))
        if path.parts[:1] != RESULTS.parts or path.is_relative_to(self.results):
            return target
        return str(self.results / path.relative_to(RESULTS))

    def seeds_of(self, table: str) -> tuple[int, ...]:
        """Seeds of the trainings of a table."""
        return self.tables[table].seeds or self.seeds

    def used_datasets(self) -> list[str]:
        """Names of the datasets that the tables need, in order."""
        shown = (name for table in self.tables.values() for name in table.benchmarks)
        used = (self.benchmarks[name] for name in shown)
        names = [
            name for one in used for name in (one.dataset, *one.learnt_from, *one.pretrain_datasets)
        ]
        return list(dict.fromkeys(names))


def _must_exist(name: str, known: Mapping[str, Any], key: str) -> None:
    if name not in known:
        raise ValueError(f"{key} {name!r}{unknown(name, known)}")


def load(values: Mapping[str, Any], where: str = "config") -> Config:
    """Check a merged configuration.

    Raises:
        ConfigError: a line for each mistake: unknown key, bad value, missing dataset folder.
    """
    if "datasets" not in values and not changes_demo(values):
        raise ConfigError(
            f"{where}: scale {values['scale']!r} has no datasets; name some, or add "
            f"based_on: {DEMO} for what it does not set to be as in config.yaml"
        )
    config = parse(Config, values, where)
    missing = []
    for name in config.used_datasets():
        root = getattr(config.datasets[name], "root", None)
        if root is not None and not root.is_dir():
            missing.append(
                f"{where}: datasets.{name}.root = {str(root)!r}: no such folder; set it in the "
                f"config or with --config 'datasets={{{name}: {{root: /path}}}}'"
            )
    if missing:
        raise ConfigError("\n".join(missing))
    return config
