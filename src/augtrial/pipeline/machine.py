"""The machine that a study may use, before any job runs."""

import shutil
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """What a study may use: cores, GPUs (0 for none), and how many jobs were counted for them."""

    cores: int
    gpus: int
    gpu_name: str = ""
    gpu_jobs: int | None = None  # None: as many as there are cores

    @classmethod
    def here(cls, *, device: str, cores: int | None, gpus: object) -> "Machine":
        """Return this machine; `cores` and `gpus` as Snakemake was told, None if it was not."""
        names = [] if device == "cpu" else _gpu_names()
        jobs = gpus if names and isinstance(gpus, int) else None
        used = len(names) if jobs is None else min(jobs, len(names))
        return cls(max(1, cores or 1), used, names[0] if names else "", jobs)

    @property
    def sharing(self) -> str:
        """What the user should know of jobs that meet on one GPU; empty where none do."""
        if not self.gpus or self.gpu_jobs == self.gpus:
            return ""
        if self.gpu_jobs is None:
            return "GPUs are shared by all jobs that run; --resources gpu=N lets N train at a time."
        return f"Up to {self.gpu_jobs} trainings share {self.gpus} GPU{'s' * (self.gpus > 1)}."


def _gpu_names() -> list[str]:
    """Return the GPUs that the driver lists; torch takes too long to ask at every start."""
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    lines = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return [line.split(": ", 1)[1].split(" (")[0] for line in lines]
