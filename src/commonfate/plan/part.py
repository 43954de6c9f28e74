"""The part of a configuration that a table depends on."""

import json
from collections.abc import Collection, Container, Sequence
from typing import Any

from commonfate.config import Config
from commonfate.plan.cells import Evaluation
from commonfate.plan.declarations import TableDeclaration

UNUSED_BY_TABLES = (
    "based_on",
    "flow_quality",
    "flow_training",
    "train_threads",
    "predict_threads",
    "train_devices",
    "weights_folder",
)
"""Keys of the configuration that no table of `workflow/tables` depends on."""


def of_table(
    config: Config,
    table: str,
    declaration: TableDeclaration,
    cells: Sequence[Evaluation],
    used: Collection[str],
) -> str:
    """The part of the configuration that a table's numbers and labels depend on, as JSON.

    The part is a valid configuration. An unrelated change elsewhere leaves it as it is, so the
    table is not made again.

    Args:
        config: the configuration.
        table: one of its tables.
        declaration: of the table.
        cells: the table's evaluations.
        used: names of the data sets of these and of their runs.
    """
    runs = [run for cell in cells for run in cell.run.needed_runs]
    sources = {run.flow for run in runs if run.flow}
    values = config.model_dump(mode="json")
    for key in UNUSED_BY_TABLES:
        del values[key]
    del values["flow"]["batch_size"]  # it does not change the flow
    values["seeds"] = list(config.seeds_of(table))
    values["flow"]["sources"] = _chosen(values["flow"]["sources"], sources)
    roles = _chosen(values["flow_roles"], [row.flow for row in declaration.rows if row.flow])
    values["flow_roles"] = {role: name for role, name in roles.items() if name in sources}
    asked = [part.data for row in declaration.rows for part in (row, row.start) if part]
    asked += [row.beside for row in declaration.rows if row.beside]
    values["data_roles"] = _chosen(values["data_roles"], asked)
    values["methods"] = _chosen(values["methods"], [run.settings.method for run in runs])
    values["tables"] = _chosen(values["tables"], [table])
    values["tables"][table]["seeds"] = None  # `seeds` above has them
    if values["tables"][table]["flow"] not in sources:
        values["tables"][table]["flow"] = None
    scored = {name for cell in cells for name in (cell.column, cell.benchmark)}
    values["benchmarks"] = _chosen(values["benchmarks"], scored)
    values["datasets"] = _chosen(values["datasets"], used)
    for benchmark in values["benchmarks"].values():
        variants = benchmark["variants"].items()
        benchmark["variants"] = {name: own for name, own in variants if own in scored}
        for key in ("train_datasets", "pretrain_datasets"):
            if not set(benchmark[key]) <= set(used):
                benchmark[key] = []  # no method of this table learns from them
    return json.dumps(values, sort_keys=True)


def _chosen(values: dict[str, Any], names: Container[str | None]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}
