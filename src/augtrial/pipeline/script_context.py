"""What every script of the workflow shares: its log, one thread, and errors for people."""

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from augtrial.core.errors import UserError
from augtrial.pipeline.output_sizes import forget_sizes, record_sizes

HASHES = ("code", "user_code", "template")  # parameters that only make a job run again
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ADVICE = "Make room and give the same command again; what is finished is not repeated."
# One thread, whatever `threads` the rule has: jobs, and the processes of a job, run side by side.
# NumPy reads these when it is imported, which is later.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class _Tee:
    """Writes to the terminal and to the log."""

    def __init__(self, *streams: TextIO) -> None:
        self.streams = streams

    def write(self, text: str) -> int:
        for stream in self.streams:
            stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in self.streams:
            stream.flush()


def settings(snakemake: Any) -> dict[str, Any]:
    """Return a job's parameters by name, without the hashes."""
    return {name: value for name, value in snakemake.params.items() if name not in HASHES}


def arguments(snakemake: Any) -> dict[str, Any]:
    """Return a job's named files and its parameters, where no two have one name."""
    return {**snakemake.input, **settings(snakemake), **snakemake.output}


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Run a script's body with its output in the rule's log as well.

    A user's mistake, or a full disk, ends it with the message alone; anything else with its
    traceback. The sizes of what it wrote are recorded (see `output_sizes`).
    """
    path = Path(snakemake.log[0])
    forget_sizes(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    streams = sys.stdout, sys.stderr
    with path.open("w", encoding="utf-8") as log:
        sys.stdout, sys.stderr = _Tee(streams[0], log), _Tee(streams[1], log)
        try:
            yield
            record_sizes(path, snakemake.output, snakemake.input)
        except Exception as error:
            if isinstance(error, UserError):
                print(error, file=sys.stderr)
            elif isinstance(error, OSError) and error.errno in FULL_DISK:
                print(f"{path.stem}: {error.strerror}. {ADVICE}", file=sys.stderr)
            else:
                traceback.print_exc()
            sys.exit(1)
        finally:
            sys.stdout, sys.stderr = streams
