"""Quality against core-seconds for every synthesizer, on seen and unseen patients of three cohorts.

`python -m benchmarks synthesis` measures (`--help` says what can be chosen), `--page` shows it.
"""


def text() -> str:
    """Return what was measured, as a part of docs/benchmarks.md; nothing is measured anew."""
    from benchmarks.synthesis import page

    return page.text()
