"""Time of the first step of an optimiser in a new process, with torch.optim's class and with ours.
The class imports PyTorch's compiler: in the 18 jobs of the quick study that train, 4 % of its time.
`training.optimisers` calls the functions that the classes use, which give the same bits.

`python -m benchmarks optimisers`: two minutes on one core.
"""

import subprocess
import sys

from benchmarks.paired import Seconds, markdown, paired

CODE = """
import time, torch
from augtrial.training.device import Device
from augtrial.training.optimisers import adam, sgd
cpu = Device(torch.device("cpu"), bfloat16=False)
weight = torch.zeros(10, requires_grad=True)
weight.sum().backward()
begin = time.process_time()
{}.step()
print(time.process_time() - begin)
"""
WAYS = {
    ("SGD", "torch.optim"): "torch.optim.SGD([weight], 0.1, 0.9, nesterov=True)",
    ("SGD", "augtrial"): "sgd([weight], 0.1, 0.9, device=cpu)",
    ("Adam", "torch.optim"): "torch.optim.Adam([weight], 0.1)",
    ("Adam", "augtrial"): "adam([weight], 0.1, (0.9, 0.999), device=cpu)",
}


def first_step(way: str) -> Seconds:
    """Return the seconds of a core that the first optimiser and its step take in a process."""
    command = [sys.executable, "-c", CODE.format(way)]
    return Seconds(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def text() -> str:
    took = paired({way: lambda code=code: first_step(code) for way, code in WAYS.items()})
    rows = [
        [name, *(f"{took[name, whose]:.3f}" for whose in ("torch.optim", "augtrial"))]
        for name in ("SGD", "Adam")
    ]
    return markdown(["first step, s of a core", "torch.optim", "augtrial"], rows)
