"""A training under way: steps, metrics, snapshots, checkpoints."""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import nn

from commonfate.base.errors import UserError
from commonfate.base.processes import deferred_signals
from commonfate.base.progress import track
from commonfate.methods.task import FINALIZE_SAMPLES, TrainingTask
from commonfate.models.together import max_over_processes
from commonfate.training import checkpoint, randomness
from commonfate.training.data import Batch, TrainingData
from commonfate.training.launch import Options
from commonfate.training.learner import Learner
from commonfate.training.log import MetricsLog
from commonfate.training.run_folder import RunFolder, snapshot_iterations

log = logging.getLogger(__name__)
SNAPSHOT_SAMPLES = 100
"""Samples for `TrainingTask.finalize` at snapshots before the last: snapshots are many."""
# The processes agree on one of these after a step; the largest wins.
_GO_ON, _SAVE, _STOP = 0, 1, 2


class Session:
    """One process's part in a training, from its first or its resumed iteration to its last."""

    def __init__(
        self,
        task: TrainingTask,
        data: TrainingData,
        folder: RunFolder,
        run: dict[str, Any],
        fabric: Fabric,
        options: Options,
    ) -> None:
        randomness.seed(run["seed"])
        self._learner = Learner(task, fabric)
        # The weights are the same in all processes; dropout must not be.
        randomness.seed(run["seed"] + fabric.global_rank)
        self._task, self._data, self._folder = task, data, folder
        self._run, self._fabric, self._options = run, fabric, options
        self._settings = task.settings
        self._metrics = (
            MetricsLog(folder.metrics, options.log_every) if fabric.is_global_zero else None
        )
        self._snapshots_at = snapshot_iterations(
            self._settings.iterations, self._settings.snapshots
        )
        self._iteration = 0
        self._began = self._saved = time.monotonic()

    def run(self, state: dict[str, Any] | None) -> dict[str, Any] | None:
        """Take the steps that remain.

        Args:
            state: a checkpoint to go on from.

        Returns:
            The state after the last step, as it was saved; None in all processes but the first.
        """
        if state is None:
            self._measure()
        else:
            self._restore(state)
        total = self._settings.iterations
        with deferred_signals() as signal_name, self._metrics or nullcontext():
            for batch in track(self._read(), "training", total, start=self._iteration):
                self._step(batch)
                self._keep(signal_name())
            return self._save()

    def _read(self) -> Iterator[Batch]:
        """The batches, for as long as every process can read its share.

        A process that ended alone would leave the others waiting for its gradient for ever.
        """
        problem = None
        batches = self._data.batches(
            self._run["seed"],
            self._iteration,
            self._settings.iterations,
            self._fabric,
            self._options.workers,
        )
        while True:
            try:
                batch = next(batches, None)
            except UserError as error:
                batch, problem = None, error
            if self._agreed(problem is not None):
                raise problem or UserError(
                    f"{self._folder.path}: another process could not read its share of iteration "
                    f"{self._iteration + 1}; its message says why"
                )
            if batch is None:
                return
            yield batch

    def _step(self, batch: Batch) -> None:
        iteration = self._iteration
        values = self._learner.gradient(batch, iteration)
        if not self._learner.is_finite(values):
            terms = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
            raise UserError(
                f"{self._folder.path}: iteration {iteration + 1} is not finite ({terms}); "
                "stopped before the optimiser step, the last checkpoint is kept. "
                + self._data.describe(self._run["seed"], iteration)
            )
        if failure := self._task.check_losses(values):
            raise UserError(
                f"{self._folder.path}: iteration {iteration + 1}: {failure}; stopped before "
                f"the optimiser step, the last checkpoint is kept"
            )
        learning_rate = self._task.learning_rate(iteration)
        weight_decay = self._task.weight_decay(iteration)
        self._learner.update(learning_rate, weight_decay)
        self._iteration += 1
        if self._metrics is not None:
            scheduled = {} if weight_decay is None else {"weight_decay": weight_decay}
            self._metrics.add(
                self._iteration,
                values,
                last=self._iteration == self._settings.iterations,
                learning_rate=learning_rate,
                **scheduled,
                seconds=round(self._elapsed_s, 3),
            )

    def _measure(self) -> None:
        """Log the task's own measurements, in the first process."""
        if self._metrics is None or not self._task.is_measured(self._iteration):
            return
        with randomness.untouched():
            measured = self._task.measure(self._learner.network, self._iteration)
        for name, values in measured.items():
            self._metrics.write({"iteration": self._iteration, name: values})
            shown = ", ".join(f"{key} {value:.3f}" for key, value in values.items())
            log.info("iteration %d: %s: %s", self._iteration, name, shown)

    def _keep(self, signal_name: str | None) -> None:
        """Write what is due after a step."""
        settings, done = self._settings, self._iteration
        self._measure()
        if done in self._snapshots_at and self._fabric.is_global_zero:
            self._snapshot()
        if done == settings.iterations:
            return
        every = self._options.checkpoint_every
        overdue = time.monotonic() - self._saved >= self._options.checkpoint_every_s
        due = overdue or (every is not None and done % every == 0)
        wish = self._agreed(_STOP if signal_name else _SAVE if due else _GO_ON)
        if wish != _GO_ON:
            self._save()
        if wish == _STOP:
            raise UserError(
                f"{self._folder.path}: stopped by {signal_name or 'a signal'} after iteration "
                f"{done} of {settings.iterations}; the same command goes on from there"
            )

    def _agreed(self, wish: int) -> int:
        """The largest wish of all processes."""
        if self._fabric.world_size == 1:
            return wish
        return int(max_over_processes(torch.tensor(int(wish), device=self._fabric.device)))

    def _snapshot(self) -> None:
        """Write the weights, with the buffers that the task sets for them.

        In the first process alone; DDP hands its buffers to the others at the next step. The last
        snapshot is of the last step, so the final checkpoint has its buffers.
        """
        settings, done = self._settings, self._iteration
        most = FINALIZE_SAMPLES if done == settings.iterations else SNAPSHOT_SAMPLES
        # No more samples than were learnt from: a trial of few steps ends at once.
        count = min(most, done * settings.batch_size)
        network = self._learner.network
        finalize(self._task, network, self._data.spread(count, self._fabric))
        metadata = {key: self._run[key] for key in ("method", "settings", "seed", "samples")}
        weights = {"model": self._task.kept(network), "iteration": self._iteration}
        checkpoint.save(self._folder.snapshot(self._iteration), weights | metadata)

    def _save(self) -> dict[str, Any] | None:
        random_states = randomness.of_all_processes()
        self._saved = time.monotonic()
        if self._metrics is None:
            return None
        state = {
            **self._run,
            **self._learner.state(),
            "iteration": self._iteration,
            "elapsed_s": self._elapsed_s,
            "random": random_states,
            "metrics": self._metrics.state(),
        }
        checkpoint.save(self._folder.resume, state)
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        self._learner.restore(state)
        if self._metrics is not None:
            self._metrics.restore(state["metrics"])
        randomness.restore(state["random"], self._fabric.global_rank)
        self._iteration = state["iteration"]
        self._began = time.monotonic() - state["elapsed_s"]
        before = dict(state["provenance"])
        earlier = [*before.pop("earlier", []), {"iteration": self._iteration, **before}]
        self._run = {**self._run, "provenance": {**self._run["provenance"], "earlier": earlier}}

    @property
    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began


def finalize(task: TrainingTask, network: nn.Module, batches: Iterable[Batch]) -> None:
    """Let a task set its buffers, in evaluation mode and without gradients.

    Training goes on afterwards as if this had not been, dropout included.

    Args:
        task: the training.
        network: as the task built it, on its device, without DDP.
        batches: of the training; not read unless the task asks.

    Raises:
        UserError: a sample cannot be read.
    """
    with randomness.untouched(), torch.no_grad():
        network.eval()
        task.finalize(network, batches)
        network.train()
