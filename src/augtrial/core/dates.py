"""Dates as text, in UTC, so that the earlier one also comes first in the alphabet."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path


def now() -> str:
    """Return the date and time of now: "2026-11-30 09:05:00 UTC"."""
    return _text(datetime.now(UTC))


def oldest(files: Iterable[str | Path]) -> str:
    """Return when the oldest of some files was written; empty if there are none."""
    times = [Path(file).stat().st_mtime for file in files]
    return _text(datetime.fromtimestamp(min(times), UTC)) if times else ""


def _text(date: datetime) -> str:
    return f"{date:%Y-%m-%d %H:%M:%S UTC}"
