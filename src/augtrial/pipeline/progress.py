"""How far a run is, stage by stage, and about how long it still takes: a line on the terminal."""

import logging
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from augtrial.pipeline.costs import JOB_SECONDS
from augtrial.pipeline.plan import duration

EVERY = 30.0  # seconds between two lines, at least


class Progress(logging.Handler):
    """Listens to Snakemake's own log records; knows nothing of the workflow but their counts.

    `expected` are the seconds of a job by rule, as planned; `parallel` jobs run at a time.
    """

    def __init__(self, expected: Mapping[str, float], parallel: int) -> None:
        super().__init__()
        self.expected, self.parallel = dict(expected), max(1, parallel)
        self.total: Counter[str] = Counter()
        self.running: dict[int, tuple[str, float]] = {}
        self.took: dict[str, list[float]] = defaultdict(list)
        self.last_line = time.monotonic()

    def emit(self, record: Any) -> None:
        """Note what a record says of jobs, and tell the state where it is time to."""
        event = str(getattr(record, "event", ""))
        if event == "run_info":
            self.total = Counter(record.stats)
            del self.total["all"], self.total["total"]
        elif event == "job_info":
            self.running[record.jobid] = record.rule_name, time.monotonic()
        elif event == "job_finished" and record.job_id in self.running:
            now = time.monotonic()
            rule, begin = self.running.pop(record.job_id)
            self.took[rule].append(now - begin)
            if now - self.last_line >= EVERY:
                self.last_line = now
                print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """Return the state in words: the stages at work, all jobs, the time left."""
        done = sum(map(len, self.took.values()))
        active = {rule for rule, _ in self.running.values()}
        stages = [
            f"{rule} {len(self.took[rule])} of {count}"
            for rule, count in self.total.items()
            if count > 1 and (rule in active or 0 < len(self.took[rule]) < count)
        ]
        left = duration(self.seconds_left() / 3600)
        return "; ".join([*stages, f"{done} of {self.total.total()} jobs; {left} left"])

    def seconds_left(self) -> float:
        """Return about how many seconds the jobs that have not ended will take together."""
        now, left = time.monotonic(), 0.0
        for rule, count in self.total.items():
            left += (count - len(self.took[rule])) * self._mean(rule)
        elapsed = sum(min(now - begin, self._mean(rule)) for rule, begin in self.running.values())
        return max(0.0, left - elapsed) / self.parallel

    def _mean(self, rule: str) -> float:
        """Return the seconds of a rule's job: measured, else the estimate as it has proved."""
        if took := self.took[rule]:
            return sum(took) / len(took)
        if rule not in self.expected:
            return JOB_SECONDS
        known = [name for name in self.expected if self.took[name]]
        planned = sum(self.expected[name] * len(self.took[name]) for name in known)
        measured = sum(sum(self.took[name]) for name in known)
        return self.expected[rule] * (measured / planned if planned else 1.0)
