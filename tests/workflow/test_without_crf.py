"""The workflow where the package for the CRF is not installed, as after `make demo`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

RUN = "gwm-unet-quadratic-k4-dis-sprites-s0"


def test_rows_with_a_crf_are_left_out_before_anything_starts(
    workflow_in: Callable[[Path], Any], tmp_path: Path
) -> None:
    """A package that cannot be imported stands in for one that is not there."""
    broken = tmp_path / "packages/pydensecrf/__init__.py"
    broken.parent.mkdir(parents=True)
    broken.write_text("raise ImportError('not compiled')")
    workflow = workflow_in(tmp_path)
    environment = {"PYTHONPATH": str(broken.parents[1])}
    table = "results/tables/gwm_table1.csv"
    output = workflow.run("--dry-run", environment=environment, targets=(table,))
    lines = [line for line in output.splitlines() if "Left out of gwm_table1" in line]
    assert lines and all("'Guess What Moves (MaskFormer), CRF'" in line for line in lines)
    assert "last.crf" not in output and "Guess What Moves" in output

    scores = f"results/smoke/evaluations/{RUN}/sprites/davis.oracle.last.crf.json"
    process = workflow.start("--dry-run", environment=environment, targets=(scores,))
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "the CRF needs the package pydensecrf2" in output and "Traceback" not in output
