"""Size and speed of flow files, on flow of real DAVIS frames.

    python benchmarks/storage.py [--source dis --source raft_small.sprites] [--pairs 4]

Writes and reads the same flow in every format, in one run, and prints a Markdown table a source
against float32 `.flo` files, and draws size against speed to `storage.png`. Quantization, checksums
and files (in the page cache) are included. Time is CPU time of all threads (one is used), so that
other load on the machine matters less. Frames come from $COMMONFATE_DAVIS_DIR, else ../shared.
Drawing needs matplotlib: pip install 'commonfate[benchmarks]'.
"""

import importlib.util
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import flow_fields
import imagecodecs
import numcodecs
import numpy as np
import torch
from flow_formats import FORMATS, Format

PLOT = Path(__file__).with_suffix(".png")


@dataclass(frozen=True)
class Row:
    """What was measured of a format: bytes and CPU ms a pair, the largest error in pixels."""

    name: str
    size: float
    encode_ms: float
    decode_ms: float
    error: float


@click.command()
@click.option("--source", "sources", multiple=True, help="Estimators; DIS and what is bundled.")
@click.option("--pairs", default=4, show_default=True, help="Frame pairs of each sequence.")
@click.option("--repeats", default=3, show_default=True, help="The fastest of so many is shown.")
@click.option("--only", multiple=True, help="Formats whose names contain this; .flo is always in.")
@click.option("--plot", type=Path, default=PLOT, show_default=True, help="The picture to draw.")
def benchmark(
    sources: tuple[str, ...], pairs: int, repeats: int, only: tuple[str, ...], plot: Path
) -> None:
    """Compare formats on real flow."""
    if importlib.util.find_spec("matplotlib") is None:
        raise click.UsageError("matplotlib is missing: pip install 'commonfate[benchmarks]'")
    for set_threads in (cv2.setNumThreads, torch.set_num_threads, numcodecs.blosc.set_nthreads):
        set_threads(1)
    chosen = [f for f in FORMATS[1:] if not only or any(part in f.name for part in only)]
    tables = {}
    for source in sources or flow_fields.default_sources():
        files = flow_fields.sequences()
        flows = [flow for s in files for flow in flow_fields.flows(source, s, pairs)]
        with tempfile.TemporaryDirectory() as folder:
            rows = [measure(f, flows, Path(folder), repeats) for f in (FORMATS[0], *chosen)]
        tables[source] = rows
        click.echo(f"\n{facts(source, flows, len(files))}\n\n{table(rows)}")
    draw(tables, plot)
    click.echo(f"\n{plot}")


def measure(format_: Format, flows: list[np.ndarray], folder: Path, repeats: int) -> Row:
    """Write and read all flow, the fastest of several times; once more to warm up."""
    encode_ms, decode_ms = [], []
    for repeat in range(repeats + 1):
        path = folder / f"{format_.name}-{repeat}"
        encode_ms.append(cpu_ms(lambda path=path: format_.write(path, flows)) / len(flows))
        read = format_.open(path)
        decode_ms.append(cpu_ms(lambda read=read: read_all(read, len(flows))) / len(flows))
    size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
    error = max(np.abs(read(t) - flow).max() for t, flow in enumerate(flows))
    return Row(
        format_.name, size / len(flows), min(encode_ms[1:]), min(decode_ms[1:]), float(error)
    )


def read_all(read: Callable[[int], np.ndarray], count: int) -> None:
    """Read pair after pair, keeping none."""
    for t in range(count):
        read(t)


def cpu_ms(function: Callable[[], object]) -> float:
    """CPU time of a call, of all threads."""
    began = time.process_time()
    function()
    return 1e3 * (time.process_time() - began)


def facts(source: str, flows: Sequence[np.ndarray], sequences: int) -> str:
    """What was measured, where."""
    height, width = flows[0].shape[1:]
    return (
        f"{source}: {len(flows)} pairs of {sequences} DAVIS sequences, {width}x{height}, CPU time "
        f"on one core, {platform.machine()}, Python {platform.python_version()}, NumPy "
        f"{np.__version__}, numcodecs {numcodecs.__version__}, imagecodecs "
        f"{imagecodecs.__version__}."
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown, ratios against the first row."""
    plain = rows[0]
    lines = [
        "| format | kB a pair | times smaller | encode ms | against .flo | decode ms "
        "| against .flo | largest error px |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row.name} | {row.size / 1e3:.0f} | {plain.size / row.size:.1f} "
            f"| {row.encode_ms:.1f} | {row.encode_ms / plain.encode_ms:.1f} "
            f"| {row.decode_ms:.1f} | {row.decode_ms / plain.decode_ms:.1f} | {row.error:.4f} |"
        )
    return "\n".join(lines)


def draw(tables: dict[str, list[Row]], path: Path) -> None:
    """Size against speed, a row of panels a source; a line joins what nothing else beats."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(tables), 2, figsize=(12, 5 * len(tables)), squeeze=False, layout="constrained"
    )
    for panels, (source, rows) in zip(axes, tables.items(), strict=True):
        for panel, verb in zip(panels, ("encode", "decode"), strict=True):
            points = [(getattr(row, f"{verb}_ms"), rows[0].size / row.size, row) for row in rows]
            for ms, ratio, row in points:
                ours = row.name.startswith("commonfate")
                panel.plot(ms, ratio, "o", color="tab:red" if ours else "tab:grey")
                panel.annotate(
                    row.name.removeprefix("commonfate "),
                    (ms, ratio),
                    xytext=(4, 4),
                    textcoords="offset points",
                    fontsize=7,
                )
            best = [p[:2] for p in points if not any(beats(other, p) for other in points)]
            panel.plot(*zip(*sorted(best), strict=True), "-", color="tab:red", alpha=0.4)
            panel.set(xscale="log", xlabel=f"{verb} ms a pair", ylabel="times smaller than .flo")
            panel.set_title(f"{source}: 854x480, one core")
    figure.savefig(path, dpi=120)


def beats(item: tuple[float, float, Row], other: tuple[float, float, Row]) -> bool:
    """Whether one is both faster and smaller."""
    return item[0] < other[0] and item[1] > other[1]


if __name__ == "__main__":
    benchmark()
