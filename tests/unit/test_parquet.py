"""Parquet tables."""

from pathlib import Path

import pytest

from commonfate import parquet
from commonfate.errors import StoreError


def test_a_table_that_is_missing_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "inventory.parquet"
    with pytest.raises(StoreError) as error:
        parquet.read(path)
    assert str(error.value).startswith(f"{path}: no such file; ")
    assert "delete" not in str(error.value)
