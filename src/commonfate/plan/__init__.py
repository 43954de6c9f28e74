"""Runs and evaluations that the tables need, and the paths of their files.

Tables are declared in `workflow/tables/*.yaml`; with a configuration they become runs (models to
train) and evaluations (scores to compute). Snakemake asks for their paths, the table verb reads
them. Nothing here imports torch: the plan is made every time Snakemake starts.
"""

from commonfate.plan.cells import Evaluation, Run, prediction
from commonfate.plan.declarations import (
    OF_SEQUENCES,
    Expectation,
    PublishedDeclaration,
    RowDeclaration,
    StartDeclaration,
    TableDeclaration,
    TableKind,
    read_declaration,
)
from commonfate.plan.plan import Plan, join, make

__all__ = [
    "OF_SEQUENCES",
    "Evaluation",
    "Expectation",
    "Plan",
    "PublishedDeclaration",
    "RowDeclaration",
    "Run",
    "StartDeclaration",
    "TableDeclaration",
    "TableKind",
    "join",
    "make",
    "prediction",
    "read_declaration",
]
