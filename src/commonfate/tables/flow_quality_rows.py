"""Rows of the table of flow sources: a measurement as texts by column."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.flow.quality.errors import HIDDEN, RANGES, VISIBLE, Errors, ratio

LEADING = ("dataset", "flow source", "gap")
"""Columns that identify a row; all others but `estimator` are numbers."""
ERRORS = ("EPE", "EPE visible", "EPE hidden", *(f"EPE {name} px" for name in RANGES), "Fl-all %")
SHARES = (*(f"pixels {name} px %" for name in RANGES), "saturated %", "no value %")
BACK = ("consistent %", "EPE consistent")
STORING = ("bytes a pair", "EPE estimated", "EPE stored", "rounding px")
REAL = ("photometric", "photometric unwarped", "inside %")
COLUMNS = (*LEADING, "pairs", *ERRORS, *SHARES, *BACK, *STORING, *REAL, "estimator")


def read(path: str) -> dict[str, Any]:
    """Read a file of `commonfate flow-quality measure`, its errors as `Errors`.

    Raises:
        StoreError: the file is no such measurement.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        for part in document["parts"]:
            part["errors"] = Errors.from_json(part["errors"])
            part["consistent"] = part["consistent"] and Errors.from_json(part["consistent"])
        _ = [document[key] for key in ("dataset", "source", "bytes", "pairs", "sample", "videos")]
        _ = document["description"], document["photometric"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path}: is no measurement of flow ({error!r}); make it again with "
            f"commonfate flow-quality measure"
        ) from error
    return document


def rows(document: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The row of all gaps, then that of each gap where there are several.

    Args:
        document: see `read`.

    Yields:
        Texts by column; empty where there is no number.
    """
    gaps = sorted({part["gap"] for part in document["parts"]})
    head = {"dataset": document["dataset"], "flow source": document["source"]}
    whole = _measured(document["parts"]) | _once(document)
    yield {**head, "gap": "all" if len(gaps) > 1 else f"{gaps[0]:+d}", **whole}
    for gap in gaps if len(gaps) > 1 else ():
        of_gap = [part for part in document["parts"] if part["gap"] == gap]
        yield {**head, "gap": f"{gap:+d}", **_measured(of_gap)}


def _measured(parts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    errors = reduce(add, (part["errors"] for part in parts))
    pixels = errors.pixels.sum()
    values = {
        "EPE": _number(errors.epe()),
        "EPE visible": _number(errors.epe(np.s_[:, VISIBLE])),
        "EPE hidden": _number(errors.epe(np.s_[:, HIDDEN])),
        "Fl-all %": _percent(errors.outlier_rate()),
        "saturated %": _percent(ratio([part["saturated"] for part in parts], pixels)),
        "no value %": _percent(ratio(pixels - errors.valid.sum(), pixels)),
    }
    for number, name in enumerate(RANGES):
        values[f"EPE {name} px"] = _number(errors.epe(number))
        share = ratio(errors.pixels[number], pixels)
        values[f"pixels {name} px %"] = _percent(share) if share else ""
    if all(part["consistent"] is not None for part in parts):
        agreeing = reduce(add, (part["consistent"] for part in parts))
        values["consistent %"] = _percent(ratio(agreeing.valid, pixels))
        values["EPE consistent"] = _number(agreeing.epe())
    return {"pairs": str(sum(part["pairs"] for part in parts)), **values}


def _once(document: Mapping[str, Any]) -> dict[str, str]:
    """Numbers of a source as a whole."""
    values = {
        "estimator": document["description"],
        "bytes a pair": f"{document['bytes'] / document['pairs']:.0f}",
    }
    if sample := document["sample"]:
        values["EPE estimated"] = _number(Errors.from_json(sample["estimated"]).epe(), 4)
        values["EPE stored"] = _number(Errors.from_json(sample["stored"]).epe(), 4)
        values["rounding px"] = _number(sample["largest_difference"], 4)
    if real := document["photometric"]:
        values["photometric"] = _number(real["error"], 2)
        values["photometric unwarped"] = _number(real["unwarped"], 2)
        values["inside %"] = _percent(real["inside"])
    return values


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f}"
