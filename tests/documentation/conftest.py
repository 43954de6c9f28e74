"""A folder as a user has it after `git clone` and the installation."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from helpers import layouts
from helpers.pages import ROOT

CLONED = (
    *("Makefile", "Snakefile", "config.yaml", "pyproject.toml", "requirements.lock"),
    *("benchmarks", "config", "envs", "profiles", "workflow"),
)


@dataclass(frozen=True)
class Clone:
    """The project's files, with this environment as `.venv`."""

    folder: Path
    variables: Mapping[str, str] = field(repr=False)

    def run(self, text: str) -> str:
        """Run a command line; what it printed."""
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=self.folder,
            env=dict(self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The same, beside the data that pages name; downloads are refused."""
    above = tmp_path_factory.mktemp("documentation")
    folder = above / "commonfate"
    folder.mkdir()
    for name in CLONED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    (folder / ".venv/bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv/installed").touch()
    layouts.paper(folder)
    layouts.davis(above / "DAVIS2016")
    if (ROOT.parent / "shared").is_dir():
        (above / "shared").symlink_to(ROOT.parent / "shared")
    no_network = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), "http://127.0.0.1:9")
    variables = {
        **os.environ,
        **no_network,
        "PATH": f"{folder}/.venv/bin{os.pathsep}{os.environ['PATH']}",
        "COMMONFATE_WEIGHTS": str(above / "weights"),
    }
    return Clone(folder, variables)
