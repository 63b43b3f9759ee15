"""The adversarial game: one training for every pair of generator and discriminator.

Losses: Goodfellow et al. 2014 in the non-saturating form; for the ACGAN L_S and L_C as in
Odena et al. 2017, eq. 1-2. One forward pass of G serves the last update of D and its own.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from augtrial.core import seeds
from augtrial.synthesizers.base import TrainingData
from augtrial.synthesizers.shared.spectral_norm import SpectralNorm, raw_weight
from augtrial.synthesizers.shared.training import RecordedTraining
from augtrial.training.averaging import average_decay, averaged_copy, update_average
from augtrial.training.batches import BatchOrder
from augtrial.training.checkpoints import Checkpoint
from augtrial.training.device import Device
from augtrial.training.optimisers import adam

CHUNK = 64  # images that are drawn at once


def build_gan(kind: Any, settings: Any, *, classes: int, size: int, seed: int) -> Any:
    """Return a kind's `generator` and `discriminator`, and the generator's `average`, as a module.

    `seed` draws their weights from N(0, 0.02) (section 3.1).
    """
    discriminator = kind.discriminator(settings, classes=classes, size=size)
    generator = kind.generator(settings, classes=classes)
    gan = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
    draw_weights(gan, seeds.torch_generator(seed, "weights"))
    gan["average"] = averaged_copy(generator)
    return gan


def draw_weights(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights from N(0, 0.02), biases zero, batch norm at its identity (section 3.1).

    The power method of spectral norm begins with normal numbers.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(raw_weight(module), 0.0, 0.02, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=generator)
        elif isinstance(module, SpectralNorm):
            nn.init.normal_(module.u, generator=generator)


@dataclass(frozen=True)
class Scored:
    """A batch of images as the discriminator sees it.

    `images` [n, 1, s, s] in [-1, 1] and their `labels` [n]; `scores` [n] of being real, before the
    sigmoid; `class_scores` [n, classes], or None; `masks` are what chance decided in the pass.
    """

    images: Tensor
    labels: Tensor
    scores: Tensor
    class_scores: Tensor | None
    masks: Sequence[Tensor] = ()

    def class_accuracy(self) -> Tensor:
        """Return how often the auxiliary head names the class."""
        assert self.class_scores is not None, "this discriminator names no classes"
        return (self.class_scores.argmax(1) == self.labels).float().mean()

    def class_loss(self) -> Tensor:
        """Return -L_C, or 0 where there are no class scores."""
        if self.class_scores is None:
            return self.scores.new_zeros((), dtype=torch.float32)
        return F.cross_entropy(self.class_scores.float(), self.labels)

    def hinge_loss(self, *, real: bool) -> Tensor:
        """Return by how much the scores fall short of 1, or exceed -1 where none is real."""
        scores = self.scores.float()
        return F.relu(1 - scores if real else 1 + scores).mean()

    def source_loss(self, *, real: bool) -> Tensor:
        """Return the cross-entropy of the scores with all being real, or none."""
        scores = self.scores.float()
        target = torch.ones_like(scores) if real else torch.zeros_like(scores)
        return F.binary_cross_entropy_with_logits(scores, target)


def score_gradient(discriminator: nn.Module, images: Tensor, *given: Any) -> Tensor:
    """Return the gradient of each image's score [n, pixels], through which a loss goes back.

    `given` is what else the discriminator is given.
    """
    images = images.detach().requires_grad_()
    scores, _ = discriminator(images, *given)
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.flatten(1)


def draw_latent(count: int, latent: int, generator: torch.Generator) -> Tensor:
    """Return z [count, latent], uniform in [-1, 1]; fewer are the head of more."""
    return torch.rand(count, latent, generator=generator) * 2 - 1


@torch.no_grad()
def images_of(generator: nn.Module, z: Tensor, labels: Tensor) -> Tensor:
    """Return a generator's images as uint8 [n, s, s], on the CPU."""
    images = generator(z, labels).float()
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)[:, 0].cpu()


def draw_images(
    network: nn.Module,
    labels: np.ndarray,
    latent: int,
    generator: torch.Generator,
    device: torch.device | str,
) -> np.ndarray:
    """Return an image uint8 [s, s] for each label [n], in float32.

    Whole chunks always: a kernel chosen by the batch's size could round another way.
    """
    network.eval().to(device)
    chunks = max(1, math.ceil(len(labels) / CHUNK))
    padded = torch.zeros(chunks * CHUNK, dtype=torch.int64)
    padded[: len(labels)] = torch.from_numpy(labels.astype(np.int64))
    z = draw_latent(chunks * CHUNK, latent, generator)
    parts = zip(z.to(device).split(CHUNK), padded.to(device).split(CHUNK), strict=True)
    return np.concatenate([images_of(network, *part).numpy() for part in parts])[: len(labels)]


class GanTraining(RecordedTraining):
    """A generator against its discriminator, on their way through their updates.

    An update is one of the generator and those of the discriminator before it. A row of `history`
    has the means since the row before: the losses, and what the kind measures.
    """

    def __init__(
        self,
        kind: Any,
        data: TrainingData,
        settings: Any,
        *,
        seed: int,
        device: Device,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Draw the networks' weights, or go on from the checkpoint; `kind` is a `GanSynthesizer`.

        `seed` draws weights, orders, latents and labels.
        """
        super().__init__()
        self.kind, self.settings, self.seed, self.device = kind, settings, seed, device
        self.checkpoint, self.classes = checkpoint, len(data.classes)
        size = data.images.shape[-1]
        self.gan = build_gan(kind, settings, classes=self.classes, size=size, seed=seed)
        # Channels last is quicker; another sum order.
        form: Any = {"memory_format": torch.channels_last}
        self.gan.to(device.torch, **form)
        rate, betas = settings.learning_rate, (settings.beta1, settings.beta2)
        self.optimiser_g = adam(self.gan.generator.parameters(), rate, betas, device=device)
        rate = settings.discriminator_learning_rate or rate
        self.optimiser_d = adam(self.gan.discriminator.parameters(), rate, betas, device=device)
        self.pixels = torch.from_numpy(data.images)[:, None].to(device.torch, **form)
        self.targets = torch.from_numpy(data.labels.astype(np.int64)).to(device.torch)
        self.turns = kind.discriminator_updates(settings)
        drawn = kind.random_inputs(settings, 1, torch.Generator())
        self.random_inputs = len(drawn)
        self.mask_layers = len(self.gan.discriminator.draw_masks(1, torch.Generator()))
        self.batch = min(settings.batch, len(data.images))
        # Whole batches only: batch norm of a small rest is noise.
        self.order = BatchOrder(len(data.images), self.batch, seed=seed, whole=True)
        self.on_the_fly = data.on_the_fly
        self.updates = kind.updates(settings, len(data.images))
        self.plan_record(settings.snapshots)
        self.totals: dict[str, Tensor] = {}
        if checkpoint is not None and (state := checkpoint.load()):
            for name, part in self._parts().items():
                if state[name]:
                    part.load_state_dict(state[name])
            self.history, self.snapshots = state["history"], state["snapshots"]
            self.update, self.seconds = state["update"], state["seconds"]
            self.totals = {k: v.to(device.torch) for k, v in state["totals"].items()}

    def _parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("gan", "optimiser_g", "optimiser_d")}

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights of both networks."""
        return self.gan.state_dict()

    def sample_inputs(self, update: int) -> tuple[Tensor, ...]:
        """Return what changes: decay, images, latents, labels of the fakes, masks, and more."""
        chance = seeds.torch_generator(self.seed, "step", update)
        number = self.turns * self.batch
        first = update * self.turns
        index = np.concatenate([self.order.indices(first + turn) for turn in range(self.turns)])
        z = draw_latent(number, self.settings.latent, chance)
        fake_labels = torch.randint(self.classes, (number,), generator=chance)
        discriminator = self.gan.discriminator
        passes = 2 * self.turns + 1  # of the discriminator: real and fake a turn, and G's
        masks = [discriminator.draw_masks(self.batch, chance) for _ in range(passes)]
        random_inputs = self.kind.random_inputs
        more = [random_inputs(self.settings, self.batch, chance) for _ in range(self.turns)]
        variants = self.on_the_fly.sample_inputs(index, update) if self.on_the_fly else ()
        drawn = itertools.chain(*masks, *more, variants)
        return average_decay(update), torch.from_numpy(index), z, fake_labels, *drawn

    def step(self, *inputs: Tensor) -> None:
        """Change both networks, the discriminator first."""
        decay, index, z, fake_labels, *rest = inputs
        layers = self.mask_layers
        cut = (2 * self.turns + 1) * layers
        many = self.random_inputs
        masks, more, variants = (
            rest[:cut],
            rest[cut : cut + self.turns * many],
            rest[cut + self.turns * many :],
        )
        pixels = self.pixels[index].float() / 255
        if self.on_the_fly is not None:
            pixels = self.on_the_fly.insert(pixels, *variants)
        pixels = pixels * 2 - 1
        for turn in range(self.turns):
            part = slice(turn * self.batch, (turn + 1) * self.batch)
            drawn = masks[2 * turn * layers : 2 * (turn + 1) * layers]
            chance = tuple(more[turn * many : (turn + 1) * many])
            fake = self._train_discriminator(
                pixels[part],
                index[part],
                z[part],
                fake_labels[part],
                drawn,
                chance,
                last=turn == self.turns - 1,
            )
        self._train_generator(fake, fake_labels[part], masks[2 * self.turns * layers :])
        update_average(self.gan.average, self.gan.generator, decay)

    def _scored(self, images: Tensor, labels: Tensor, masks: Any) -> Scored:
        with self.device.autocast():
            scores, class_scores = self.gan.discriminator(images, masks, labels)
            return Scored(images, labels, scores, class_scores, masks)

    def _train_discriminator(
        self,
        pixels: Tensor,
        index: Tensor,
        z: Tensor,
        fake_labels: Tensor,
        masks: Any,
        chance: Any,
        *,
        last: bool,
    ) -> Tensor:
        """Change the discriminator by one batch; return the fakes, at last for the generator."""
        half = len(masks) // 2
        with self.device.autocast(), torch.set_grad_enabled(last):
            fake = self.gan.generator(z, fake_labels)
        real = self._scored(pixels, self.targets[index], masks[:half])
        judged = self._scored(fake.detach(), fake_labels, masks[half:])
        networks = self.gan.discriminator, chance
        loss = self.kind.discriminator_loss(self.settings, real, judged, *networks)
        self.optimiser_d.zero_grad()
        loss.backward()
        self.optimiser_d.step()
        if last:
            self._add({"loss_d": loss.detach()})
            with torch.no_grad():
                self._add(self.kind.measures(self.settings, real, judged))
        return fake

    def _train_generator(self, fake: Tensor, fake_labels: Tensor, masks: Any) -> None:
        """Change the generator, against the discriminator as it now is, which it leaves alone."""
        self.gan.discriminator.requires_grad_(False)
        loss = self.kind.generator_loss(self.settings, self._scored(fake, fake_labels, masks))
        self.optimiser_g.zero_grad()
        loss.backward()
        self.optimiser_g.step()
        self.gan.discriminator.requires_grad_(True)
        self._add({"loss_g": loss.detach()})

    def _add(self, measured: dict[str, Tensor]) -> None:
        for name, value in measured.items():
            if name not in self.totals:
                self.totals[name] = torch.zeros((), device=self.device.torch)
            self.totals[name] += value

    def on_log(self) -> None:
        """Note a row of the history, a snapshot, a checkpoint."""
        if self.update in self.log_steps:
            number = self.update - int(self.history[-1]["update"] if self.history else 0)
            self.record({name: (value / number).item() for name, value in self.totals.items()})
            for value in self.totals.values():
                value.zero_()
        ended = self.update == self.updates
        if self.checkpoint is not None and (ended or self.checkpoint.is_due()):
            states = {
                name: None if ended and part is not self.gan else part.state_dict()
                for name, part in self._parts().items()
            }
            progress = {"history": self.history, "snapshots": self.snapshots}
            progress |= {"totals": self.totals, "update": self.update, "seconds": self.seconds}
            self.checkpoint.save(progress | states)

    @torch.no_grad()
    def draw(self, number: int) -> Tensor:
        """Return images uint8 [classes, number, s, s] of latents that all classes share."""
        averaged, device = self.settings.weights == "averaged", self.device.torch
        generator = self.gan.average if averaged else self.gan.generator.eval()
        chance = seeds.torch_generator(self.seed, "snapshot")
        z = draw_latent(number, self.settings.latent, chance).to(device)
        labels = [torch.full((number,), label).to(device) for label in range(self.classes)]
        grids = [images_of(generator, z, label) for label in labels]
        self.gan.generator.train()
        return torch.stack(grids)
