"""What every script of the workflow shares: its log, one thread, and errors for people."""

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from augtrial.errors import UserError
from augtrial.sizes import record_sizes

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REST = "Make room and give the same command again; what is finished is not repeated."
# Scripts import this before NumPy: jobs, and a job's own processes, run side by side, and threads
# that fight cost more. Snakemake sets these to the job's `threads`.
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


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Run a script's body with its output in the rule's log as well.

    A user's mistake, or a full disk, ends it with the message alone; anything else with its
    traceback. What it wrote is recorded (see `sizes`).
    """
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    streams = sys.stdout, sys.stderr
    with path.open("w", encoding="utf-8") as log:
        sys.stdout, sys.stderr = _Tee(streams[0], log), _Tee(streams[1], log)
        try:
            yield
            record_sizes(path, snakemake.output, snakemake.input)
        except UserError as error:
            print(error, file=sys.stderr)
            sys.exit(1)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in FULL:
                print(f"{path.stem}: {error.strerror}. {REST}", file=sys.stderr)
                sys.exit(1)
            traceback.print_exc()
            sys.exit(1)
        finally:
            sys.stdout, sys.stderr = streams
