"""Replicates: independent repetitions of the whole study, with all or some training patients."""

import re
from dataclasses import dataclass

PATTERN = r"(\d+)(?:-share(\d+))?"  # as a Snakemake wildcard; the folder is replicate<this>


@dataclass(frozen=True)
class Replicate:
    """The number of a replicate, and the percentage of the training patients that it uses.

    As text it is its name in folders and wildcards.
    """

    number: int
    share: int = 100

    @classmethod
    def parse(cls, text: "str | int | Replicate") -> "Replicate":
        """Return the replicate that a folder or wildcard names: "2", or "2-share25"."""
        match = re.fullmatch(PATTERN, str(text))
        if match is None:
            raise ValueError(f"not a replicate: {text!r}")
        return cls(int(match[1]), int(match[2] or 100))

    def __str__(self) -> str:
        return str(self.number) if self.share == 100 else f"{self.number}-share{self.share}"

    def scale(self, size: int) -> int:
        """Return a size that is meant for all training patients, reduced to this share of them."""
        return round(size * self.share / 100)
