"""What a machine could do at all: the speed of its matrix product and of its copy.

A step cannot be faster than the multiplications that its layers ask for at the speed of this
machine's matrix product, nor than its weights and the optimiser's numbers of them, read and written
once, at the speed of a copy; its floor is the larger of the two.
"""

from dataclasses import dataclass
from functools import partial

import torch

from augtrial.pipeline.costs import Training
from augtrial.training.device import Device
from benchmarks.paired import seconds

SGD, ADAM = 1, 2  # numbers that the optimiser keeps of each weight


@dataclass(frozen=True)
class Ceiling:
    """What the machine reaches: floating-point operations and bytes a second."""

    operations: float
    bytes: float

    @classmethod
    def measure(cls, device: Device) -> "Ceiling":
        """Time a matrix product and a copy; the best of ten each."""
        kind = torch.bfloat16 if device.bfloat16 else torch.float32
        side = 8192 if device.is_gpu else 1024
        a = torch.randn(side, side, device=device.torch, dtype=kind)
        count = 2**28 if device.is_gpu else 2**26
        memory = torch.zeros(count, dtype=torch.uint8, device=device.torch)
        copied = torch.zeros_like(memory)
        product = min(_took(lambda: a @ a, device) for _ in range(10))
        copy = min(_took(partial(copied.copy_, memory), device) for _ in range(10))
        return cls(2 * side**3 / product, 2 * memory.nbytes / copy)

    def floor(self, step: Training, kept: int) -> float:
        """Return the least seconds of a step whose optimiser keeps so many numbers of a weight."""
        moved = 2 * 4 * step.weights * (1 + kept)
        return max(2 * step.multiply_adds / self.operations, moved / self.bytes)


def _took(work, device: Device) -> float:
    def done() -> None:
        work()
        if device.is_gpu:
            torch.cuda.synchronize()

    return seconds(done)
