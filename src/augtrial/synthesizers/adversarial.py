"""The adversarial game: one training loop for DCGAN and ACGAN.

Losses: Goodfellow et al. 2014 in the non-saturating form; for the ACGAN L_S and L_C as in
Odena et al. 2017, eq. 1-2: D maximises L_S + L_C, G maximises L_C - L_S. One forward pass of G
serves both updates of a step.
"""

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from augtrial import seeds
from augtrial.batches import BatchOrder
from augtrial.checkpoints import Checkpoint
from augtrial.device import Device
from augtrial.engine import Training, train_all
from augtrial.optimisers import adam
from augtrial.synthesizers import acgan, dcgan

if TYPE_CHECKING:
    from augtrial.settings import AcganSettings, DcganSettings

COLUMNS = ("loss_d", "loss_g", "d_real", "d_fake", "class_real", "class_fake")


class Pair(nn.Module):
    """A generator and its discriminator."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        """Join the two, so that they share one state dict."""
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator


def build_pair(
    settings: "DcganSettings | AcganSettings", *, classes: int, size: int, seed: int | None = None
) -> Pair:
    """Return the networks of these settings; `seed` draws their weights."""
    shape = {"kernel": settings.kernel}
    inner: dict[str, Any] = {"latent": settings.latent, "channels": settings.generator_channels}
    if settings.network == "dcgan":
        pair = Pair(
            dcgan.Generator(**inner, **shape),
            dcgan.Discriminator(channels=settings.discriminator_channels, **shape),
        )
    else:
        judge: nn.Module
        if settings.discriminator == "odena":
            judge = acgan.OdenaDiscriminator(classes=classes, size=size)
        else:
            judge = acgan.Discriminator(
                classes=classes, channels=settings.discriminator_channels, **shape
            )
        generator = acgan.Generator(classes=classes, embedding=settings.embedding, **inner, **shape)
        pair = Pair(generator, judge)
    if seed is not None:
        dcgan.draw_weights(pair, seeds.torch_generator(seed, "weights"))
    return pair


def discriminator_loss(
    real: tuple[Tensor, Tensor | None],
    fake: tuple[Tensor, Tensor | None],
    labels: Tensor,
    fake_labels: Tensor,
) -> Tensor:
    """Return -(L_S + L_C), the mean over the batch; L_C only where there are class scores."""
    loss = F.binary_cross_entropy_with_logits(real[0].float(), torch.ones_like(real[0]).float())
    loss = loss + F.binary_cross_entropy_with_logits(
        fake[0].float(), torch.zeros_like(fake[0]).float()
    )
    if real[1] is not None:
        loss = loss + F.cross_entropy(real[1].float(), labels)
        loss = loss + F.cross_entropy(fake[1].float(), fake_labels)
    return loss


def generator_loss(fake: tuple[Tensor, Tensor | None], fake_labels: Tensor) -> Tensor:
    """Return the non-saturating form of L_S - L_C, the mean over the batch."""
    loss = F.binary_cross_entropy_with_logits(fake[0].float(), torch.ones_like(fake[0]).float())
    if fake[1] is not None:
        loss = loss + F.cross_entropy(fake[1].float(), fake_labels)
    return loss


def draw_latent(count: int, latent: int, generator: torch.Generator) -> Tensor:
    """Return z [count, latent], uniform in [-1, 1]; fewer are the head of more."""
    return torch.rand(count, latent, generator=generator) * 2 - 1


class PairTraining(Training):
    """A generator against its discriminator, on their way through their epochs.

    `history` has a row an epoch: mean losses, D(x) and D(G(z)) in [0, 1], the auxiliary head's
    accuracy on real and synthetic images or NaN. `snapshots` are images uint8 [classes, examples,
    s, s] of fixed latents, after each of `epochs`.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        settings: "DcganSettings | AcganSettings",
        *,
        classes: int,
        seed: int,
        device: Device,
        checkpoint: Checkpoint | None = None,
        examples: int = 8,
    ) -> None:
        """Draw the networks' weights, or go on from the checkpoint.

        Args:
            images: uint8 [n, s, s].
            labels: class indices [n]; all 0 for a DCGAN.
            settings: networks and optimiser.
            classes: number of classes (1 for a DCGAN).
            seed: draws weights, orders, latents and labels.
            device: where to train.
            checkpoint: where to go on from.
            examples: images of each class in a snapshot.
        """
        self.settings, self.classes, self.seed, self.device = settings, classes, seed, device
        self.checkpoint, self.examples = checkpoint, examples
        self.pair = build_pair(settings, classes=classes, size=images.shape[-1], seed=seed)
        # Channels last is quicker; another sum order.
        self.pair.to(device.torch, memory_format=torch.channels_last)
        rates = settings.learning_rate, (settings.beta1, settings.beta2)
        self.optimiser_g = adam(self.pair.generator.parameters(), *rates, device=device)
        self.optimiser_d = adam(self.pair.discriminator.parameters(), *rates, device=device)
        self.pixels = torch.from_numpy(images)[:, None].to(
            device.torch, memory_format=torch.channels_last
        )
        self.targets = torch.from_numpy(labels.astype(np.int64)).to(device.torch)
        self.batch = min(settings.batch, len(images))
        # Whole batches only: batch norm of a small rest is noise.
        self.order = BatchOrder(len(images), self.batch, seed=seed, whole=True)
        self.steps = len(images) // self.batch
        self.updates = settings.epochs * self.steps
        self.looks = range(self.steps, self.updates + 1, self.steps)
        self.epochs = _snapshot_epochs(settings)
        self.history: list[dict[str, float]] = []
        self.snapshots: list[Tensor] = []
        self.totals = torch.zeros(len(COLUMNS), device=device.torch)
        if checkpoint is not None and (state := checkpoint.load()):
            for name, part in self._parts().items():
                if state[name]:
                    part.load_state_dict(state[name])
            self.history, self.snapshots = state["history"], state["snapshots"]
            self.update = state["step"]
            self.totals.copy_(state["totals"])

    def _parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("pair", "optimiser_g", "optimiser_d")}

    def draws(self, update: int) -> tuple[Tensor, ...]:
        """Return the batch's images, the latents, the labels of the fakes, and dropout's masks."""
        chance = seeds.torch_generator(self.seed, "step", update)
        z = draw_latent(self.batch, self.settings.latent, chance)
        fake_labels = torch.randint(self.classes, (self.batch,), generator=chance)
        masks = [self.pair.discriminator.draw_masks(self.batch, chance) for _ in range(3)]
        return torch.from_numpy(self.order.of(update)), z, fake_labels, *itertools.chain(*masks)

    def step(self, *draws: Tensor) -> None:
        """Change both networks by one batch, the discriminator first."""
        index, z, fake_labels, *masks = draws
        generator, discriminator = self.pair.generator, self.pair.discriminator
        layers = len(masks) // 3
        real, real_labels = self.pixels[index].float() / 127.5 - 1, self.targets[index]

        # The discriminator's update.
        with self.device.autocast():
            fake = generator(z, fake_labels)
            judged_real = discriminator(real, masks[:layers])
            judged_fake = discriminator(fake.detach(), masks[layers : 2 * layers])
        loss_d = discriminator_loss(judged_real, judged_fake, real_labels, fake_labels)
        self.optimiser_d.zero_grad()
        loss_d.backward()
        self.optimiser_d.step()

        # The generator's update, against the discriminator as it now is, which it leaves alone.
        discriminator.requires_grad_(False)
        with self.device.autocast():
            judged = discriminator(fake, masks[2 * layers :])
        loss_g = generator_loss(judged, fake_labels)
        self.optimiser_g.zero_grad()
        loss_g.backward()
        self.optimiser_g.step()
        discriminator.requires_grad_(True)

        measured = _measures(loss_d, loss_g, judged_real, judged_fake, real_labels, fake_labels)
        self.totals += measured

    def look(self) -> None:
        """Note an epoch's row, a snapshot, a checkpoint."""
        epoch, within = divmod(self.update, self.steps)
        if within == 0:
            means = (self.totals / self.steps).tolist()
            self.history.append({"epoch": epoch, **dict(zip(COLUMNS, means, strict=True))})
            self.totals.zero_()
            if epoch in self.epochs:
                self.snapshots.append(self._snapshot())
        ended = self.update == self.updates
        if self.checkpoint is not None and (ended or self.checkpoint.is_due()):
            states = {
                name: None if ended and part is not self.pair else part.state_dict()
                for name, part in self._parts().items()
            }
            progress = {"history": self.history, "snapshots": self.snapshots}
            progress |= {"totals": self.totals, "step": self.update}
            self.checkpoint.save(progress | states)

    @torch.no_grad()
    def _snapshot(self) -> Tensor:
        generator, device = self.pair.generator, self.device.torch
        chance = seeds.torch_generator(self.seed, "snapshot")
        z = draw_latent(self.examples, self.settings.latent, chance).to(device)
        generator.eval()
        grids = [
            images_of(generator, z, torch.full((self.examples,), label).to(device))
            for label in range(self.classes)
        ]
        generator.train()
        return torch.stack(grids)


def train_pair(
    images: np.ndarray, labels: np.ndarray, *recipe: Any, device: Device, **options: Any
) -> PairTraining:
    """Train one pair to its end; what it is given is that of `PairTraining`."""
    training = PairTraining(images, labels, *recipe, device=device, **options)
    return next(train_all([training], device))


@torch.no_grad()
def _measures(loss_d, loss_g, real, fake, real_labels, fake_labels) -> Tensor:
    nothing = torch.full((), float("nan"), device=loss_d.device)
    aux = [nothing, nothing]
    if real[1] is not None:
        aux = [
            (judged[1].argmax(1) == truth).float().mean()
            for judged, truth in ((real, real_labels), (fake, fake_labels))
        ]
    belief = [judged[0].float().sigmoid().mean() for judged in (real, fake)]
    return torch.stack([loss_d, loss_g, *belief, *aux])


def _snapshot_epochs(settings: "DcganSettings | AcganSettings") -> list[int]:
    """Return the epochs whose samples are kept, evenly spaced, the last one included."""
    points = np.linspace(0, settings.epochs, settings.snapshots + 1)[1:]
    return sorted({max(1, round(point)) for point in points})


@torch.no_grad()
def images_of(generator: nn.Module, z: Tensor, labels: Tensor) -> Tensor:
    """Return a generator's images as uint8 [n, s, s], on the CPU."""
    images = generator(z, labels).float()
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)[:, 0].cpu()
