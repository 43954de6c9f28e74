"""Records of how products are made: the code, as a digest and as a commit."""

import os
import subprocess
from pathlib import Path

import pytest

from commonfate.base import provenance

IDENTITY = {
    f"GIT_{who}_{key}": "a@b" for who in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")
}


def git(folder: Path, *command: str) -> str:
    variables = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | IDENTITY
    done = subprocess.run(
        ["git", "-C", folder, *command], env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def package(tmp_path) -> Path:
    """A package in a repository that tracks nothing yet but another file."""
    git(tmp_path, "init")
    (tmp_path / "thesis.tex").write_text("mine")
    git(tmp_path, "add", "thesis.tex")
    git(tmp_path, "commit", "-m", "mine")
    folder = tmp_path / "src" / "commonfate"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    return folder


def test_somebody_elses_commit_is_not_recorded(package):
    assert provenance.commit_of(package) is None


def test_the_commit_of_the_own_checkout(package, tmp_path):
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "ours")
    commit = git(tmp_path, "rev-parse", "--short", "HEAD")
    assert provenance.commit_of(package) == commit
    (tmp_path / "thesis.tex").write_text("changed, and no matter of the package")
    assert provenance.commit_of(package) == commit
    (package / "new.py").touch()
    assert provenance.commit_of(package) == f"{commit}+"


def test_an_environment_that_somebody_keeps_under_version_control(package, tmp_path):
    folder = tmp_path / "venv/lib/python3.11/site-packages/commonfate"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "everything")
    assert provenance.commit_of(folder) is None


def test_a_git_hook_does_not_mislead(package, tmp_path, monkeypatch):
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "ours")
    commit = git(tmp_path, "rev-parse", "--short", "HEAD")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert provenance.commit_of(package) == commit


def test_without_git_there_is_no_commit(package, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert provenance.commit_of(package) is None


def test_the_digest_is_of_names_and_contents(package):
    digest = provenance.digest_of(package)
    (package / "notes.txt").write_text("no code")
    assert provenance.digest_of(package) == digest
    (package / "__init__.py").write_text("x = 1")
    changed = provenance.digest_of(package)
    (package / "__init__.py").rename(package / "init.py")
    assert len({digest, changed, provenance.digest_of(package)}) == 3


def test_a_record_tells_the_code_and_hashes_the_inputs(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    record = provenance.record("verb", {}, [tmp_path / "a"], device="cpu")
    assert record["code_sha256"] == provenance.code_digest()
    assert record["inputs"][str(tmp_path / "a")].startswith("e3b0c44298fc")
    assert record["device"] == "cpu"
