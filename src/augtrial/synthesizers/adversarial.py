"""The adversarial game: one training loop for DCGAN and ACGAN.

Losses: Goodfellow et al. 2014 in the non-saturating form; for the ACGAN L_S and L_C as in
Odena et al. 2017, eq. 1-2: D maximises L_S + L_C, G maximises L_C - L_S. One forward pass of G
serves both updates of a step.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from augtrial import seeds
from augtrial.optimisers import Adam
from augtrial.settings import AcganSettings, DcganSettings
from augtrial.synthesizers import acgan, dcgan
from augtrial.training import Checkpoint, Device, batch_order

COLUMNS = ("loss_d", "loss_g", "d_real", "d_fake", "class_real", "class_fake")


class Pair(nn.Module):
    """A generator and its discriminator."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        """Join the two, so that they share one state dict."""
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator


def build_pair(
    settings: DcganSettings | AcganSettings, *, classes: int, size: int, seed: int | None = None
) -> Pair:
    """Return the networks of these settings; `seed` draws their weights."""
    shape = {"kernel": settings.kernel}
    inner: dict[str, Any] = {"latent": settings.latent, "channels": settings.generator_channels}
    if isinstance(settings, DcganSettings):
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


def train_pair(
    images: np.ndarray,
    labels: np.ndarray,
    settings: DcganSettings | AcganSettings,
    *,
    classes: int,
    seed: int,
    device: Device,
    checkpoint: Checkpoint | None = None,
    examples: int = 8,
) -> tuple[Pair, list[dict[str, float]], dict[str, np.ndarray]]:
    """Train a generator against its discriminator.

    Args:
        images: uint8 [n, s, s].
        labels: class indices [n]; all 0 for a DCGAN.
        settings: networks and optimiser.
        classes: number of classes (1 for a DCGAN).
        seed: draws weights, orders, latents and labels.
        device: where to train.
        checkpoint: where to go on from.
        examples: images of each class in a snapshot.

    Returns:
        The networks, on the CPU; the history, a row an epoch (mean losses, D(x) and D(G(z)) in
        [0, 1], the auxiliary head's accuracy on real and synthetic images or NaN); and the
        snapshots: epochs [k] and images uint8 [k, classes, examples, s, s] of fixed latents.
    """
    pair = build_pair(settings, classes=classes, size=images.shape[-1], seed=seed)
    pair.to(device.torch, memory_format=torch.channels_last)  # quicker; another sum order
    generator, discriminator = pair.generator, pair.discriminator
    betas = (settings.beta1, settings.beta2)
    optimiser_g = Adam(generator.parameters(), settings.learning_rate, betas)
    optimiser_d = Adam(discriminator.parameters(), settings.learning_rate, betas)
    pixels = torch.from_numpy(images)[:, None].to(device.torch, memory_format=torch.channels_last)
    targets = torch.from_numpy(labels.astype(np.int64)).to(device.torch)
    batch = min(settings.batch, len(images))
    steps = len(images) // batch  # whole batches only: batch norm of a small rest is noise
    epochs = _snapshot_epochs(settings)
    history: list[dict[str, float]] = []
    snapshots: list[Tensor] = []
    begin, totals = 0, torch.zeros(len(COLUMNS), device=device.torch)
    parts = {"pair": pair, "optimiser_g": optimiser_g, "optimiser_d": optimiser_d}
    if checkpoint is not None and (state := checkpoint.load()):
        for name, part in parts.items():
            part.load_state_dict(state[name])
        begin, history, snapshots = state["step"], state["history"], state["snapshots"]
        totals.copy_(state["totals"])
    for step in range(begin, settings.epochs * steps):
        epoch, within = divmod(step, steps)
        draw = seeds.torch_generator(seed, "step", step)
        order = batch_order(len(images), batch, epoch * steps + within, seed=seed, whole=True)
        index = torch.from_numpy(order).to(device.torch)
        real, real_labels = pixels[index].float() / 127.5 - 1, targets[index]
        z = draw_latent(batch, settings.latent, draw).to(device.torch)
        fake_labels = torch.randint(classes, (batch,), generator=draw).to(device.torch)

        # The discriminator's update.
        with device.autocast():
            fake = generator(z, fake_labels)
            judged_real = discriminator(real, draw)
            judged_fake = discriminator(fake.detach(), draw)
        loss_d = discriminator_loss(judged_real, judged_fake, real_labels, fake_labels)
        optimiser_d.zero_grad()
        loss_d.backward()
        optimiser_d.step()

        # The generator's update, against the discriminator as it now is, which it leaves alone.
        discriminator.requires_grad_(False)
        with device.autocast():
            judged = discriminator(fake, draw)
        loss_g = generator_loss(judged, fake_labels)
        optimiser_g.zero_grad()
        loss_g.backward()
        optimiser_g.step()
        discriminator.requires_grad_(True)

        totals += _measures(loss_d, loss_g, judged_real, judged_fake, real_labels, fake_labels)
        if within == steps - 1:
            means = (totals / steps).tolist()
            history.append({"epoch": epoch + 1, **dict(zip(COLUMNS, means, strict=True))})
            totals.zero_()
            if epoch + 1 in epochs:
                snapshots.append(_snapshot(generator, settings, classes, examples, seed, device))
        if checkpoint is not None and checkpoint.is_due():
            progress = {"history": history, "snapshots": snapshots, "totals": totals}
            states = {name: part.state_dict() for name, part in parts.items()}
            checkpoint.save({**progress, **states, "step": step + 1})
    kept = {"epochs": np.array(epochs), "images": torch.stack(snapshots).numpy()}
    return pair.cpu().to(memory_format=torch.contiguous_format), history, kept


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


def _snapshot_epochs(settings: DcganSettings | AcganSettings) -> list[int]:
    """Return the epochs whose samples are kept, evenly spaced, the last one included."""
    points = np.linspace(0, settings.epochs, settings.snapshots + 1)[1:]
    return sorted({max(1, round(point)) for point in points})


@torch.no_grad()
def _snapshot(generator, settings, classes, examples, seed, device) -> Tensor:
    z = draw_latent(examples, settings.latent, seeds.torch_generator(seed, "snapshot"))
    generator.eval()
    grids = [
        images_of(generator, z.to(device.torch), torch.full((examples,), label).to(device.torch))
        for label in range(classes)
    ]
    generator.train()
    return torch.stack(grids)


@torch.no_grad()
def images_of(generator: nn.Module, z: Tensor, labels: Tensor) -> Tensor:
    """Return a generator's images as uint8 [n, s, s], on the CPU."""
    images = generator(z, labels).float()
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)[:, 0].cpu()
