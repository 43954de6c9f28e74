"""A training under way: steps, metrics, snapshots, checkpoints."""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
from lightning.fabric import Fabric

from commonfate.base.errors import UserError
from commonfate.base.progress import track
from commonfate.methods.base import CONCLUDE_SAMPLES, TrainedMethod
from commonfate.samples import sampler
from commonfate.samples.index import SampleIndex
from commonfate.samples.reader import SampleDataset
from commonfate.training import checkpoint, interrupt, randomness
from commonfate.training.conclusion import conclude
from commonfate.training.learner import Learner
from commonfate.training.loader import Batch, batches
from commonfate.training.log import MetricsLog
from commonfate.training.options import Options
from commonfate.training.run_folder import RunFolder, snapshot_iterations

SNAPSHOT_SAMPLES = 100
"""On which `conclude` is called for a snapshot before the last: they are many."""
# What the processes agree on after a step; the largest wish wins.
_GO_ON, _SAVE, _STOP = 0, 1, 2


class Session:
    """One process's part in a training, from its first or its resumed iteration to its last."""

    def __init__(
        self,
        method: TrainedMethod,
        index: SampleIndex,
        folder: RunFolder,
        run: dict[str, Any],
        fabric: Fabric,
        options: Options,
    ) -> None:
        randomness.seed(run["seed"])
        self._learner = Learner(method, fabric)
        # The weights are the same in all processes; dropout must not be.
        randomness.seed(run["seed"] + fabric.global_rank)
        self._method, self._index, self._folder = method, index, folder
        self._run, self._fabric, self._options = run, fabric, options
        self._settings = method.settings
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
        if state is not None:
            self._restore(state)
        total = self._settings.iterations
        with interrupt.noticed() as signal_name, self._metrics or nullcontext():
            for batch in track(self._read(), "training", total, start=self._iteration):
                self._step(batch)
                self._keep(signal_name())
            return self._save()

    def _read(self) -> Iterator[Batch]:
        """The batches, for as long as every process can read its share.

        A process that ended alone would leave the others waiting for its gradient for ever.
        """
        batches, problem = self._batches(), None
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

    def _batches(self) -> Iterator[Batch]:
        plan = sampler.Batches(
            self._index.samples,
            self._run["seed"],
            self._settings.batch_size,
            self._settings.flip,
            self._iteration,
            self._settings.iterations,
            self._fabric.global_rank,
            self._fabric.world_size,
        )
        dataset = SampleDataset(self._index.samples, self._method)
        return batches(dataset, plan, self._fabric, self._options.workers)

    def _step(self, batch: Batch) -> None:
        values = self._learner.gradient(batch)
        if not self._learner.is_finite(values):
            raise UserError(self._not_finite(values))
        if trouble := self._method.trouble(values):
            raise UserError(
                f"{self._folder.path}: iteration {self._iteration + 1}: {trouble}; stopped before "
                f"the optimiser step, the last checkpoint is kept"
            )
        learning_rate = self._method.learning_rate(self._iteration)
        self._learner.update(learning_rate)
        self._iteration += 1
        if self._metrics is not None:
            self._metrics.add(
                self._iteration,
                values,
                last=self._iteration == self._settings.iterations,
                learning_rate=learning_rate,
                seconds=round(self._elapsed_s, 3),
            )

    def _not_finite(self, values: dict[str, float]) -> str:
        settings, samples = self._settings, self._index.samples
        keys = sampler.batch(
            samples, self._run["seed"], self._iteration, settings.batch_size, settings.flip
        )
        shown = ", ".join(
            f"{samples[key.index]} gap {key.gap}" if key.gap else str(samples[key.index])
            for key in keys
        )
        terms = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
        return (
            f"{self._folder.path}: iteration {self._iteration + 1} is not finite ({terms}); "
            f"stopped before the optimiser step, the last checkpoint is kept. Its batch: {shown}. "
            "Look at these samples, or lower learning_rate"
        )

    def _keep(self, signal_name: str | None) -> None:
        """Write what is due after a step."""
        settings, done = self._settings, self._iteration
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
        wishes = torch.tensor(int(wish), device=self._fabric.device)
        return int(self._fabric.all_reduce(wishes, reduce_op="max"))

    def _snapshot(self) -> None:
        """Write the weights, with what the method settles for them.

        In the first process alone; DDP hands its buffers to the others at the next step. The last
        snapshot is of the last step, so the final checkpoint has what was settled for it.
        """
        settings, done = self._settings, self._iteration
        most = CONCLUDE_SAMPLES if done == settings.iterations else SNAPSHOT_SAMPLES
        # No more samples than were learnt from: a trial of few steps ends at once.
        count = min(most, done * settings.batch_size)
        conclude(self._method, self._learner.network, self._index, count, self._fabric)
        facts = {key: self._run[key] for key in ("method", "settings", "seed", "samples")}
        weights = {"model": self._learner.network.state_dict(), "iteration": self._iteration}
        checkpoint.save(self._folder.snapshot(self._iteration), weights | facts)

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
