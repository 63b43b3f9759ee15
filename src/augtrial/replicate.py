"""Replicates: one seed of the whole recipe each, with all training patients or a share of them."""

import re
from dataclasses import dataclass

PATTERN = r"\d+(-share\d+)?"  # as a Snakemake wildcard; the folder is replicate<this>


@dataclass(frozen=True)
class Replicate:
    """Which re-run of the recipe, and what percentage of the training patients it is given."""

    number: int
    share: int = 100

    @classmethod
    def parse(cls, text: "str | int | Replicate") -> "Replicate":
        """Return the replicate that a folder or wildcard names: "2", or "2-share25"."""
        found = re.fullmatch(r"(\d+)(?:-share(\d+))?", str(text))
        if found is None:
            raise ValueError(f"not a replicate: {text!r}")
        return cls(int(found[1]), int(found[2] or 100))

    def __str__(self) -> str:
        """Return its name in folders and wildcards."""
        return str(self.number) if self.share == 100 else f"{self.number}-share{self.share}"

    def of(self, size: int) -> int:
        """Return its share of a size that counts for all training patients."""
        return round(size * self.share / 100)
