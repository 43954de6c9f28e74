"""Whether what lies in a run's folder may be continued."""

import logging
from typing import Any

from commonfate.training import checkpoint
from commonfate.training.run_folder import RunFolder

log = logging.getLogger(__name__)
# What must agree for two trainings to be the same one.
IDENTITY = ("method", "settings", "seed", "samples", "start")


def saved_state(folder: RunFolder, run: dict[str, Any], iterations: int) -> dict[str, Any] | None:
    """The state to continue from, if there is one of the same training.

    A finished training counts only under the same code: who changed the code and asks for a
    training wants another one. An unfinished one goes on, and the log says that the code changed.

    Args:
        folder: the run's folder.
        run: what is to be trained: the keys of `IDENTITY`, and `code`. `start` may be missing: the
            hash of the weights that it starts from, another training's or published ones.
        iterations: steps of a finished training.

    Raises:
        StoreError: the state is damaged.
    """
    if not folder.resume.exists():
        return None
    state = checkpoint.load(folder.resume)
    changed = _differences(state, run)
    finished = state["iteration"] >= iterations
    if not changed and finished and state.get("code") != run["code"]:
        changed = ["code"]
    if changed:
        log.info(
            "%s: holds a training that differs in %s; training anew",
            folder.path,
            ", ".join(changed),
        )
        return None
    if finished:
        log.info("%s: was trained already; its files are put in place again", folder.path)
        return state
    log.info("%s: going on from iteration %d of %d", folder.path, state["iteration"], iterations)
    if state.get("code") != run["code"]:
        log.info("%s: the code has changed since this training began", folder.path)
    return state


def _differences(state: dict[str, Any], run: dict[str, Any]) -> list[str]:
    """Names of what differs; settings are named one by one."""
    names = [key for key in IDENTITY if key != "settings" and state.get(key) != run.get(key)]
    before, now = state["settings"], run["settings"]
    keys = sorted(before.keys() | now.keys())
    return names + [f"settings.{key}" for key in keys if before.get(key) != now.get(key)]
