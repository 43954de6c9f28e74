"""Training of a network of ptlflow: its loss on a batch of pairs, its schedule."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from commonfate.base.errors import ConfigError, did_you_mean
from commonfate.base.files import sha256
from commonfate.flow.estimators import networks, weights
from commonfate.methods.task import TrainingTask
from commonfate.training.flow import held_out
from commonfate.training.flow.settings import FlowTrainingSettings

if TYPE_CHECKING:
    from commonfate.training.flow.arflow_loss import ArflowLoss


class FlowTask(TrainingTask):
    """A network of ptlflow with its loss and recipe.

    Attributes:
        network: ptlflow's name of the model.
        settings: the recipe.
    """

    settings: FlowTrainingSettings

    def __init__(self, network: str, settings: FlowTrainingSettings, seed: int) -> None:
        self.network = network
        self.settings = settings
        self._seed = seed
        self._arflow = _arflow_loss(settings) if settings.objective == "arflow" else None

    def build(self, pretrained: bool = True, updates: int | None = None) -> nn.Module:
        """Make the network, with the weights to start from.

        Args:
            pretrained: start from the weights that the settings name.
            updates: of a recurrent network; the training's by default.

        Raises:
            ConfigError: the network is unknown, or has no updates or features to set.
            UserError: the weights to start from are not there, or of another network.
        """
        reference = self._reference()
        model = reference(**self._options(reference, updates or self.settings.updates))
        if self.settings.normalise is not None and not hasattr(model, "normalise"):
            raise ConfigError(f"flow network {self.network}: it has no features to normalise")
        if pretrained and (path := self._start_file(reference)) is not None:
            weights.load(model, path)
        return model

    def start_sha256(self) -> str | None:
        """Hash of the weights to start from; None where they are random."""
        path = self._start_file(self._reference())
        return None if path is None else sha256(path)

    def _start_file(self, reference: type[nn.Module]) -> Path | None:
        if self.settings.start is None:
            return None
        published = getattr(reference, "pretrained_checkpoints", {})
        return weights.locate(self.network, self.settings.start, published)

    def _reference(self) -> type[nn.Module]:
        names = networks.names()
        if self.network not in names:
            raise ConfigError(
                f"flow network {self.network!r} is unknown{did_you_mean(self.network, names) or ''}"
            )
        return networks.model_class(self.network)

    def _options(self, reference: type[nn.Module], updates: int | None) -> dict[str, int]:
        if updates is None:
            return {}
        if (name := networks.updates_argument(reference)) is None:
            raise ConfigError(
                f"flow network {self.network}: it has no updates to set; use --set updates=null "
                "--set evaluation_updates=null"
            )
        return {name: updates}

    def optimiser(self, model: nn.Module) -> AdamW:
        """AdamW: convolution weights with weight decay; biases and norms without."""
        trained = [tensor for tensor in model.parameters() if tensor.requires_grad]
        groups = [
            {
                "params": [tensor for tensor in trained if tensor.ndim > 1],
                "weight_decay": self.settings.weight_decay,
            },
            {"params": [tensor for tensor in trained if tensor.ndim <= 1], "weight_decay": 0.0},
        ]
        return AdamW(groups, lr=self.learning_rate(0))

    def learning_rate(self, iteration: int) -> float:
        """One cycle with straight sides, up and down, as RAFT was trained.

        Args:
            iteration: optimiser step, counted from 0.
        """
        settings = self.settings
        peak = max(1.0, settings.warmup * settings.iterations)
        rising = (iteration + 1) / peak
        falling = (settings.iterations - iteration) / max(1.0, settings.iterations - peak)
        return settings.learning_rate * min(rising, falling, 1.0)

    def set_normalisation(self, model: nn.Module, iteration: int) -> None:
        """Let a network normalise its features as strongly as is due at an iteration."""
        if self.settings.normalise is None:
            return
        begin, end = self.settings.normalise
        left = (end - iteration) / max(1, end - begin)
        cast(Any, model).normalise = min(1.0, max(0.0, left))

    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        """Scalars to log of one batch; the one under `loss` is minimised.

        Args:
            model: from `build`.
            batch: see `pairs.EndlessPairs`, each with a first axis B.
            iteration: decides on normalised features and on ARFlow's second pass.
        """
        self.set_normalisation(model, iteration)
        if self._arflow is not None:
            return self._unsupervised(self._arflow, model, batch, iteration)
        flow, visible = batch["flow"][:, None], batch["visible"][:, None, None].float()
        valid = torch.ones_like(visible) if self.settings.hidden else visible
        outputs = model({"images": held_out.prepared(batch["images"])})
        # The wrapped model's own loss, in full precision.
        loss = cast(Any, model).loss_fn(outputs, {"flows": flow, "valids": valid})
        error = torch.linalg.vector_norm(outputs["flows"].detach() - flow, dim=2)
        return {
            "loss": loss,
            "epe": error.mean(),
            "epe_visible": _mean(error, visible[:, :, 0]),
            "motion": torch.linalg.vector_norm(flow, dim=2).mean(),
        }

    def is_measured(self, iteration: int) -> bool:
        settings = self.settings
        return iteration % settings.evaluate_every == 0 or iteration == settings.iterations

    def measure(self, model: nn.Module, iteration: int) -> dict[str, dict[str, float]]:
        """End-point errors on held-out pairs: of DIS before the first step, then of the network."""
        settings = self.settings
        if iteration == 0:
            return {"dis": self._held_out.errors(held_out.of_dis())}
        device = next(model.parameters()).device
        measured = self.build(pretrained=False, updates=settings.evaluation_updates)
        measured.eval().to(device).load_state_dict(model.state_dict())
        self.set_normalisation(measured, iteration)
        with torch.autocast(device.type, enabled=False):
            return {"held_out": self._held_out.errors(held_out.of_network(measured))}

    @cached_property
    def _held_out(self) -> "held_out.HeldOut":
        return held_out.draw(self.settings)

    def _unsupervised(
        self, objective: "ArflowLoss", model: nn.Module, batch: dict[str, Tensor], iteration: int
    ) -> dict[str, Tensor]:
        # Drawn anew for each step, so that a resumed training needs no state of it.
        first_pair = iteration * self.settings.batch_size
        generator = torch.Generator().manual_seed((self._seed << 32) + first_pair)
        regularise = iteration >= self.settings.regularise_from
        images = batch["images"].float() / 255
        loss, terms = objective(model, images, generator, regularise)
        return {"loss": loss, **terms}


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1)


def _arflow_loss(settings: FlowTrainingSettings) -> "ArflowLoss":
    from commonfate.training.flow.arflow_loss import ArflowLoss

    return ArflowLoss(settings.arflow)
