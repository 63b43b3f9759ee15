"""What a machine could do at all: the speed of its matrix product and of its copy."""

from dataclasses import dataclass
from functools import partial

import torch

from augtrial.device import Device
from benchmarks.paired import seconds


@dataclass(frozen=True)
class Ceiling:
    """What the machine reaches: floating-point operations and bytes a second."""

    operations: float
    bytes: float

    @classmethod
    def of(cls, device: Device) -> "Ceiling":
        """Measure a matrix product and a copy; the best of ten each."""
        kind = torch.bfloat16 if device.bfloat16 else torch.float32
        side = 8192 if device.is_gpu else 1024
        a = torch.randn(side, side, device=device.torch, dtype=kind)
        memory = torch.zeros(
            2**28 if device.is_gpu else 2**26, dtype=torch.uint8, device=device.torch
        )
        other = torch.zeros_like(memory)
        product = min(_took(lambda: a @ a, device) for _ in range(10))
        copy = min(_took(partial(other.copy_, memory), device) for _ in range(10))
        return cls(2 * side**3 / product, 2 * memory.nbytes / copy)

    def floor(self, operations: float, moved: float) -> float:
        """Return the least seconds of a step."""
        return max(operations / self.operations, moved / self.bytes)


def _took(work, device: Device) -> float:
    def done() -> None:
        work()
        if device.is_gpu:
            torch.cuda.synchronize()

    return seconds(done)
