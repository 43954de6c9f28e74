"""Rows of tables that cannot be made here, as an optional package is missing."""

from commonfate.base.errors import ConfigError
from commonfate.plan.declarations import TableDeclaration
from commonfate.prediction import crf


def rows(declaration: TableDeclaration) -> tuple[str, ...]:
    """Labels of the rows that need a CRF where none is installed."""
    if not any(row.crf for row in declaration.rows) or crf.is_installed():
        return ()
    return tuple(row.label for row in declaration.rows if row.crf)


def without(declaration: TableDeclaration, labels: tuple[str, ...]) -> TableDeclaration:
    """A table without some of its rows, and without what it expects of them."""
    kept = tuple(row for row in declaration.rows if row.label not in labels)
    expects = tuple(
        expected
        for expected in declaration.expects
        if not {expected.better, expected.worse} & set(labels)
    )
    return declaration.model_copy(update={"rows": kept, "expects": expects})


def note(table: str, labels: tuple[str, ...], all_of_them: bool) -> str:
    """Say in a line what is left out of a table, and why.

    Raises:
        ConfigError: nothing is left of it.
    """
    named = ", ".join(repr(label) for label in labels)
    if all_of_them:
        raise ConfigError(f"table {table}: {crf.MISSING}")
    return (
        f"Left out of {table}: {named}, as the package pydensecrf2, which the CRF needs, is not "
        f"installed ({crf.EXTRA})."
    )
