"""Tables that cannot be read: what is said depends on whether there is a file."""

import pytest

from commonfate.base import parquet
from commonfate.base.errors import StoreError


def test_a_file_that_is_not_there_is_not_to_be_deleted(tmp_path):
    with pytest.raises(StoreError, match=r"a\.parquet: no such file; ") as caught:
        parquet.read(tmp_path / "a.parquet")
    assert "delete" not in str(caught.value)


def test_a_damaged_file_is_to_be_deleted(tmp_path):
    (tmp_path / "a.parquet").write_text("text")
    with pytest.raises(StoreError, match=r"a\.parquet: cannot be read as Parquet .* delete it"):
        parquet.read(tmp_path / "a.parquet")
