"""The part of a configuration that one table depends on."""

from collections.abc import Container, Sequence
from typing import Any

from commonfate.config import Config
from commonfate.plan.cells import Evaluation
from commonfate.plan.declarations import TableDeclaration

ELSEWHERE = (
    "based_on",
    "flow_quality",
    "flow_training",
    "train_threads",
    "predict_threads",
    "train_devices",
    "weights_folder",
)
"""Keys that no table of `workflow/tables` depends on."""


def of_table(
    config: Config, table: str, declaration: TableDeclaration, cells: Sequence[Evaluation]
) -> dict[str, Any]:
    """What a table's numbers and labels depend on; it is a valid configuration by itself.

    Args:
        config: the whole configuration.
        table: name of the table.
        declaration: how the table is declared.
        cells: its evaluations.
    """
    runs = [run for cell in cells for run in cell.run.lineage]
    sources = {run.flow for run in runs}
    values = config.model_dump(mode="json")
    for key in ELSEWHERE:
        del values[key]
    del values["flow"]["batch_size"]  # it does not change the flow
    values["seeds"] = list(config.seeds_of(table))
    values["flow"]["sources"] = _chosen(values["flow"]["sources"], sources)
    roles = _chosen(values["flow_roles"], [row.flow for row in declaration.rows])
    values["flow_roles"] = {role: name for role, name in roles.items() if name in sources}
    values["methods"] = _chosen(values["methods"], [run.settings.method for run in runs])
    values["tables"] = _chosen(values["tables"], [table])
    values["tables"][table]["seeds"] = None  # those above are its own
    if values["tables"][table]["flow"] not in sources:
        values["tables"][table]["flow"] = None
    values["benchmarks"] = _chosen(values["benchmarks"], [cell.benchmark for cell in cells])
    scored = {benchmark["dataset"] for benchmark in values["benchmarks"].values()}
    used = scored.union(*(run.datasets for run in runs))
    values["datasets"] = _chosen(values["datasets"], used)
    for benchmark in values["benchmarks"].values():
        for key in ("train_datasets", "pretrain_datasets"):
            if not used.issuperset(benchmark[key]):
                benchmark[key] = []  # no method of this table learns from them
    return values


def _chosen(values: dict[str, Any], names: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}
