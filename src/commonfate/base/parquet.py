"""Parquet tables that carry their provenance."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from commonfate.base.errors import StoreError
from commonfate.base.files import replacing


def write(path: str | Path, table: pd.DataFrame, provenance: dict[str, Any]) -> None:
    """Write a table in one step, with its provenance in the schema's metadata."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata(
        {**(arrow.schema.metadata or {}), b"provenance": json.dumps(provenance).encode()}
    )
    with replacing(path) as temporary:
        pq.write_table(arrow, temporary, compression="zstd")


def read(path: str | Path) -> pd.DataFrame:
    """Read a table.

    Raises:
        StoreError: the file is missing or no Parquet.
    """
    try:
        return pd.read_parquet(path)
    except (PermissionError, IsADirectoryError):
        raise
    except FileNotFoundError:
        raise StoreError(
            f"{path}: no such file; check the name, or make it first (see commonfate --help)"
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"{path}: cannot be read as Parquet ({error}); delete it and run the same command again"
        ) from error


def provenance(path: str | Path) -> dict[str, Any]:
    """Read the provenance that `write` stored with a table."""
    return json.loads((pq.read_schema(path).metadata or {}).get(b"provenance", b"{}"))
