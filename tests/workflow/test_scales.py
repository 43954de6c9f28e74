"""Scales side by side: each has a folder of its own below `results/`."""

import re
from pathlib import Path


def _outputs(plan: str) -> set[str]:
    """Paths that a printed plan would write."""
    listed = re.findall(r"^    output: (.+)$", plan, re.MULTILINE)
    return {path for paths in listed for path in paths.split(", ")}


def test_another_scale_overwrites_nothing_and_leaves_the_first_finished(smoke) -> None:
    before = {path: path.stat().st_mtime_ns for path in smoke.results.rglob("*")}
    outputs = _outputs(smoke.run("--dry-run", "--config", "scale=other"))
    assert outputs and all(path.startswith("results/other/") for path in outputs)
    assert smoke.planned("--config", "scale=other") >= {"sprites", "flow", "train", "table"}
    assert smoke.planned() == set()
    assert before == {path: path.stat().st_mtime_ns for path in smoke.results.rglob("*")}


def test_the_demo_keeps_the_paths_without_a_scale(workflow_in, tmp_path: Path) -> None:
    outputs = _outputs(workflow_in(tmp_path).run("--dry-run", "--config", "scale=demo"))
    folders = {Path(path).parts[1] for path in outputs}
    assert "results/tables/table1.csv" in outputs
    assert folders >= {"datasets", "videos", "frames", "flow", "samples", "runs", "evaluations"}
    assert "demo" not in folders


def test_a_product_of_the_demo_does_not_count_as_that_of_another_scale(
    workflow_in, tmp_path: Path
) -> None:
    left = tmp_path / "results/samples/sprites-all-dis/index.parquet"
    left.parent.mkdir(parents=True)
    left.touch()
    process = workflow_in(tmp_path).start(targets=[str(left.relative_to(tmp_path))])
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "ask for results/smoke/samples/sprites-all-dis/index.parquet" in output


def test_a_scale_is_not_called_like_a_stage(workflow_in, tmp_path: Path) -> None:
    process = workflow_in(tmp_path).start("--config", "scale=tables")
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "results/tables holds products of scale demo" in output
    assert "Traceback" not in output
