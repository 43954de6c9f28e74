"""`commonfate weights`: list, fetch, check, show and pack the weights of networks."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commonfate.base.errors import StoreError, UserError, did_you_mean

if TYPE_CHECKING:
    from commonfate.weights import Asset


@click.group("weights")
def command() -> None:
    """List, fetch and check the weights of networks.

    \b
        commonfate weights list raft
        commonfate weights fetch raft.things
        commonfate weights check

    Published weights are fetched when they are first used; for machines without network, fetch them
    beforehand. They are kept in $COMMONFATE_WEIGHTS, or in the user's cache folder.
    """


@command.command("list")
@click.argument("starts", nargs=-1, metavar="[NAME]...")
@click.option("--urls", is_flag=True, help="Show whole addresses instead of hosts.")
def list_(starts: tuple[str, ...], urls: bool) -> None:
    """List bundled and published weights: all, or those whose names begin with NAME.

    \b
        commonfate weights list raft
    """
    from tabulate import tabulate

    from commonfate.weights import bundled, folder
    from commonfate.weights.assets import BUNDLED

    here = "this package"
    rows: list[tuple[str, ...]] = [
        (name, kind, path.name, _megabytes(path.stat().st_size), "", here, "yes")
        for kind in BUNDLED
        for name, path in bundled(kind).items()
    ]
    rows += [_row(asset, urls) for asset in _all_assets().values()]
    rows = [row for row in rows if not starts or row[0].startswith(starts)]
    if not rows:
        raise UserError(f"no weights have names that begin with {' or '.join(starts)}")
    columns = ("name", "kind", "file", "MB", "hash", "from", "here")
    click.echo(tabulate(rows, columns, disable_numparse=True))
    if any("(weak)" in row[4] for row in rows):
        click.echo("weak: the hash tells a damaged file, but is no proof against deceit")
    click.echo(f"Fetched files are kept in {folder()}, in a folder for each kind")


@command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def fetch(names: tuple[str, ...]) -> None:
    """Fetch weights by name, for jobs that have no network.

    \b
        commonfate weights fetch raft.things arflow.sintel
    """
    from commonfate import weights

    shipped, assets = weights.bundled(), _assets_of(names)
    unknown = [name for name in names if name not in {**shipped, **assets}]
    if unknown:
        every = [*shipped, *assets]
        hints = [f"weights {name!r} are unknown{did_you_mean(name, every)}" for name in unknown]
        raise UserError("\n".join([*hints, "commonfate weights list names all"]))
    failures = []
    for name in names:
        try:
            path = shipped[name] if name in shipped else weights.fetch(assets[name])
            click.echo(f"{name}: {path}")
        except UserError as error:
            failures.append(str(error))
    if failures:
        raise UserError("\n".join(failures))


@command.command("check")
def check() -> None:
    """Verify the hashes of all files in the cache; fail if one is wrong.

    \b
        commonfate weights check
    """
    from tabulate import tabulate

    from commonfate.weights import cached_path, folder

    root = folder()
    assets = {cached_path(asset): asset for asset in _all_assets().values()}
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".lock"]
    rows = [(str(path.relative_to(root)), *_verdict(path, assets.get(path))) for path in files]
    if not rows:
        click.echo(f"{root}: no weights are here")
        return
    click.echo(tabulate(rows, ("file", "weights", "found")))
    wrong = [name for name, _, verdict in rows if verdict.startswith("WRONG")]
    if wrong:
        raise StoreError(
            f"{root}: {len(wrong)} of {len(rows)} files are wrong: {', '.join(wrong)}; "
            "commonfate weights fetch moves them aside and fetches them anew"
        )


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Print how bundled weights, or those of a safetensors file, were trained.

    \b
        commonfate weights show raft_small.sprites
    """
    from commonfate.weights import bundled, state_dict

    shipped = bundled()
    path = shipped.get(name, Path(name))
    if not path.is_file():
        names = ", ".join(shipped) or "none"
        raise UserError(
            f"{name!r} is neither a file nor bundled{did_you_mean(name, shipped) or ';'} "
            f"bundled: {names}"
        )
    for key, value in sorted(state_dict.metadata(path).items()):
        click.echo(f"{key}: {_readable(value)}")


@command.command("pack")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="Small file.")
@click.option(
    "--measured",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='JSON that the file shall say of its quality, e.g. {"camvid linear mIoU": 30.1}.',
)
def pack(checkpoint: Path, output: Path, measured: Path | None) -> None:
    """Write the encoder of a training as a small file: float16, with its recipe.

    \b
        commonfate weights pack run/checkpoint.pt -o mine.safetensors
        commonfate weights show mine.safetensors
        commonfate features photos/ -o features.zarr.zip --encoder mine.safetensors
    """
    from commonfate.training.export import export_encoder

    if output.suffix != ".safetensors":
        raise UserError(f"{output}: name it *.safetensors, so that it is read as such")
    metadata = export_encoder(checkpoint, output, _figures(measured) if measured else {})
    size = _megabytes(output.stat().st_size)
    click.echo(f"{output}: {metadata['network']}, {size} MB; `commonfate weights show` tells more")


def _figures(path: Path) -> dict[str, object]:
    """A JSON object.

    Raises:
        UserError: the file holds anything else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({error})") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected a JSON object of figures by name")
    return values


def _all_assets() -> "dict[str, Asset]":
    """All published weights, by name."""
    from commonfate import weights
    from commonfate.flow.estimators import networks

    return {**networks.downloads(), **weights.published_assets()}


def _assets_of(names: tuple[str, ...]) -> "dict[str, Asset]":
    """Published weights by name; with those of ptlflow, seconds to import, only if need be."""
    from commonfate import weights

    table = weights.published_assets()
    return table if set(names) <= {*table, *weights.bundled()} else _all_assets()


def _row(asset: "Asset", urls: bool) -> tuple[str, ...]:
    from urllib.parse import urlsplit

    from commonfate.weights import cached_path

    path = cached_path(asset)
    here = path.stat().st_size if path.is_file() else None
    origin = asset.urls if urls else dict.fromkeys(urlsplit(url).netloc for url in asset.urls)
    return (
        asset.name,
        asset.kind,
        asset.file,
        _megabytes(here or asset.size),
        asset.hash,
        " ".join(origin) or f"by hand: {asset.home}",
        "yes" if here else "no",
    )


def _verdict(path: Path, asset: "Asset | None") -> tuple[str, str]:
    if asset is not None:
        return asset.name, _compared(path, asset)
    if path.suffix == ".wrong":
        return "", "moved aside for its wrong bytes"
    if path.name.startswith("."):
        return "", "part of an unfinished download"
    return "", "not known here"


def _compared(path: Path, asset: "Asset") -> str:
    from commonfate.base.files import sha256
    from commonfate.weights.assets import foreign_content

    if content := foreign_content(path):
        return f"WRONG: this is {content}"
    if asset.digest is None:
        return f"cannot be verified: {asset.hash}; its sha256 is {sha256(path)}"
    if asset.digest.matches(path):
        return "good"
    return f"WRONG: expected {asset.digest}, found {asset.digest.of(path)}"


def _megabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:.1f}"


def _readable(value: str) -> str:
    """Indent JSON; return other text unchanged."""
    try:
        return json.dumps(json.loads(value), indent=2)
    except ValueError:
        return value
