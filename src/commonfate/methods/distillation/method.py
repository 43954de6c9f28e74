"""Training by self-distillation: schedules, optimiser, teacher, and the encoder that it leaves."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from commonfate.methods.base import Encoding, TrainedMethod, encoder_with
from commonfate.methods.distillation import schedules
from commonfate.methods.distillation.groups import groups
from commonfate.methods.distillation.network import Branch, Pair
from commonfate.methods.distillation.settings import DistillationSettings
from commonfate.methods.distillation.start import start_from
from commonfate.models.encoders import Encoder, ViTEncoder
from commonfate.models.encoders.create import locate
from commonfate.models.heads import DinoHead


class Distillation(TrainedMethod, Encoding):
    """A student, and a teacher that follows it; methods add samples, losses and the start."""

    settings: DistillationSettings
    clips_each_tensor = True

    @property
    def description(self) -> dict[str, str]:
        return {"network": self.settings.network}

    def start_file(self) -> Path | None:
        """The file that `start` names, fetched if it is published; or None."""
        return None if self.settings.start is None else locate(self.settings.start)

    def _new_student(self, pretrained: bool) -> Branch:
        """A student with the weights of `start`, if there is one and `pretrained`.

        Otherwise they are random, from torch's global generator: head, then encoder.
        """
        student = self._random_student()
        if pretrained and (path := self.start_file()) is not None:
            start_from(student, path, self.settings.head == "start")
        return student

    def _random_student(self) -> Branch:
        settings = self.settings
        head = DinoHead(
            settings.dim,
            settings.outputs,
            settings.hidden,
            settings.bottleneck,
            settings.learns_lengths,
        )
        return Branch(self._new_encoder(settings.drop_path), head)

    def _new_encoder(self, drop_path: float = 0.0) -> Encoder:
        settings = self.settings
        return ViTEncoder(
            settings.dim,
            settings.depth,
            settings.heads,
            settings.patch,
            self._position_side,
            drop_path,
        )

    @property
    def _position_side(self) -> int:
        """Side of the square whose positions are learned, in pixels."""
        return self.settings.positions or self.settings.global_crop

    def optimiser(self, model: nn.Module) -> Optimizer:
        """AdamW on all but the teacher; the head's last layer begins after `frozen_iterations`."""
        settings = self.settings
        last_layer = list(model.get_submodule("student.head.last_layer").parameters())
        return AdamW(
            groups(model, last_layer, settings.frozen_iterations),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )

    def learning_rate(self, iteration: int) -> float:
        """Linear warm-up from 0, then half a cosine."""
        settings = self.settings
        return schedules.cosine(
            iteration,
            settings.iterations,
            settings.learning_rate,
            settings.min_learning_rate,
            settings.warmup_iterations,
        )

    def weight_decay(self, iteration: int) -> float:
        """Half a cosine, upwards."""
        settings = self.settings
        first, last = settings.weight_decay, settings.final_weight_decay
        return schedules.cosine(iteration, settings.iterations, first, last)

    def momentum(self, iteration: int) -> float:
        """Momentum of the teacher in a step: half a cosine up to 1."""
        return schedules.cosine(iteration, self.settings.iterations, self.settings.momentum, 1.0)

    def teacher_temperature(self, iteration: int) -> float:
        """Temperature of the teacher in a step: linear warm-up, then constant."""
        settings = self.settings
        first, last = settings.first_teacher_temperature, settings.teacher_temperature
        return schedules.linear(iteration, first, last, settings.temperature_warmup)

    def after_step(self, model: nn.Module, iteration: int) -> None:
        """Let the teacher follow."""
        assert isinstance(model, Pair)
        model.follow(self.momentum(iteration))

    def kept(self, model: nn.Module) -> dict[str, Tensor]:
        """Encoders of student and teacher, without their heads."""
        return {
            name: weights
            for name, weights in model.state_dict().items()
            if name.startswith(("student.backbone.", "teacher.backbone."))
        }

    def encoder(self, model: nn.Module | None) -> Encoder:
        """A copy of the encoder that training has made, of the network `weights_of`.

        Args:
            model: as `build` makes it.
        """
        assert isinstance(model, Pair)
        return self.encoder_of(model.state_dict()).to(model.centre.device)

    def encoder_of(self, weights: Mapping[str, Tensor]) -> Encoder:
        """An encoder with the weights of a checkpoint or of a snapshot.

        In evaluation mode and without gradients.

        Args:
            weights: of the whole network, or those that `kept` chooses.

        Raises:
            ConfigError: they are of another network.
        """
        prefix = f"{self.settings.weights_of}.backbone."
        return encoder_with(self._new_encoder(), weights, prefix)
