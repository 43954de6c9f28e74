"""A training of a flow network under way: the methods' session, on endless pairs, measured."""

import logging
from collections.abc import Iterator
from typing import Any

import torch
from lightning.fabric import Fabric

from commonfate.training.flow import held_out
from commonfate.training.flow.pairs import Batches, EndlessPairs
from commonfate.training.flow.task import FlowTask
from commonfate.training.loader import Batch, batches
from commonfate.training.options import Options
from commonfate.training.run_folder import RunFolder
from commonfate.training.session import Session

log = logging.getLogger(__name__)


class FlowSession(Session):
    """Beside what every session does, measures the end-point error on held-out pairs."""

    def __init__(
        self,
        task: FlowTask,
        folder: RunFolder,
        run: dict[str, Any],
        fabric: Fabric,
        options: Options,
    ) -> None:
        super().__init__(task, None, folder, run, fabric, options)
        measured = task.build(pretrained=False, updates=task.settings.evaluation_updates)
        self._measured = measured.eval().to(fabric.device)
        self._held_out = held_out.draw(task.settings)
        self.errors: dict[str, float] = {}

    def run(self, state: dict[str, Any] | None) -> dict[str, Any] | None:
        if state is None:
            self._note("dis", self._held_out.errors(held_out.of_dis()))
        return super().run(state)

    def _batches(self) -> Iterator[Batch]:
        plan = Batches(self._settings.batch_size, self._iteration, self._settings.iterations)
        pairs = EndlessPairs(self._settings, self._run["seed"])
        return batches(pairs, plan, self._fabric, self._options.workers)

    def _not_finite(self, values: dict[str, float]) -> str:
        terms = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
        first = self._iteration * self._settings.batch_size
        return (
            f"{self._folder.path}: iteration {self._iteration + 1} is not finite ({terms}); "
            "stopped before the optimiser step, the last checkpoint is kept. Its pairs: "
            f"{first} to {first + self._settings.batch_size - 1}. Lower learning_rate, or enlarge "
            "crop (RAFT and its kin need 128 pixels a side)"
        )

    def _keep(self, signal_name: str | None) -> None:
        done = self._iteration
        if done % self._settings.evaluate_every == 0 or done == self._settings.iterations:
            self._measured.load_state_dict(self._learner.network.state_dict())
            self._method.set_normalisation(self._measured, done)
            with torch.autocast(self._fabric.device.type, enabled=False):
                errors = self._held_out.errors(held_out.of_network(self._measured))
            self._note("held_out", errors)
        super()._keep(signal_name)

    def _note(self, what: str, errors: dict[str, float]) -> None:
        self._metrics.write({"iteration": self._iteration, what: errors})
        shown = ", ".join(f"{name} {value:.3f}" for name, value in errors.items())
        log.info("iteration %d: %s: %s", self._iteration, what, shown)
