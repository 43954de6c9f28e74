"""DINO as a method: an encoder that learns from crops of images without labels."""

from torch import Tensor, nn

from commonfate.methods.dino.settings import DinoSettings
from commonfate.methods.distillation.crops import crops
from commonfate.methods.distillation.loss import cross_entropy, sharpened, spread
from commonfate.methods.distillation.method import Distillation
from commonfate.methods.distillation.network import Distilled
from commonfate.samples.example import Example


class Dino(Distillation):
    """Self-distillation with no labels; gives features, no segments."""

    settings: DinoSettings

    def build(self, pretrained: bool = True) -> nn.Module:
        """Make student and teacher, both from the weights of `start`, if any.

        Raises:
            StoreError: the file of `start` is missing or damaged.
            UserError: it cannot be fetched, or is of another network.
        """
        settings = self.settings
        student = self._new_student(pretrained)
        return Distilled(student, settings.outputs, settings.centre_momentum)

    def prepare(self, example: Example) -> dict[str, Tensor]:
        """Crop the frame; crops flip by themselves, so `example.flip` is not read."""
        return crops(self.settings, example.frame, example.seed)

    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        """Cross-entropy of teacher and student (Eq. 3), and the spread of the teacher's outputs."""
        settings = self.settings
        student, teacher, centre = model(
            *(batch[key].float() / 255 for key in ("global_crops", "local_crops"))
        )
        targets = sharpened(teacher, centre, self.teacher_temperature(iteration))
        loss = cross_entropy(student, targets, settings.student_temperature)
        return {"loss": loss, **spread(targets)._asdict()}


def create(settings: DinoSettings) -> Dino:
    """Make the method."""
    return Dino(settings)
