"""Runs all benchmarks and writes docs/benchmarks.md: `make bench`, on a quiet machine."""

from pathlib import Path

from benchmarks import engines, metrics, overhead, roofline, variants
from benchmarks.paired import machine

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`. Every figure stands beside its baseline of the same run (A B A B, medians);
ratios travel to other machines, seconds do not.
"""
PARTS = {
    "How near to the machine's limit": roofline,
    "Training engines": engines,
    "Classic augmentation": variants,
    "Measures of fidelity, 5,000 x 5,000 images": metrics,
    "The pipeline's own cost": overhead,
}


def main() -> None:
    """Run every part; each part's first lines of its module say what it does."""
    sections = [HEAD, f"Machine: {machine()}.\n"]
    for title, module in PARTS.items():
        name = module.__name__.removeprefix("benchmarks.")
        about = (module.__doc__ or "").split("\n\n")[0]
        print(f"{title} ...", flush=True)
        command = f"`python -m benchmarks.{name}`"
        sections.append(f"## {title}\n\n{about} {command}\n\n{module.text()}\n")
    PAGE.write_text("\n".join(sections), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
