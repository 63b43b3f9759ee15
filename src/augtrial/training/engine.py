"""The training engine: networks on their way through their updates, side by side on a GPU.

On a GPU the steps of the paper's networks take less time than their launch: one captured graph
holds a step of each network, on a stream of its own, and is replayed. What a network learns is the
same as alone, since they share nothing but the device.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor

from augtrial.training.checkpoints import Checkpoint
from augtrial.training.device import Device

TOGETHER = 32  # networks in one graph: PyTorch has as many streams
AHEAD, AHEAD_BYTES = 64, 2**28  # updates whose draws wait on a GPU, at most; and their bytes
EAGER = 3  # updates before a capture: libraries choose their kernels in the first ones


class Training:
    """A network on its way: what chance decides in an update, what it does, what is noted.

    A subclass gives `sample_inputs`, `step` and `on_log`. Chance is drawn on the CPU and from the
    update's number alone, so that a training goes on after a kill exactly as it would have.
    """

    update = 0  # updates done
    updates = 0  # updates in all
    log_steps: Sequence[int] = ()  # numbers of updates after which there is something to note
    seconds = 0.0  # that it took so far, alone or as its share of a group
    side_by_side = True  # whether it may share a GPU's graph; False: it draws numbers of its own
    checkpoint: Checkpoint | None = None

    def sample_inputs(self, update: int) -> tuple[Tensor, ...]:
        """Return what chance decides in an update, on the CPU.

        On a GPU the shapes are the same in every update.
        """
        raise NotImplementedError

    def seed_step(self, update: int) -> None:
        """Seed PyTorch's global generators for an update, where `step` draws from them itself."""

    def step(self, *inputs: Tensor) -> None:
        """Do one update with its inputs, on the device and without waiting for it."""
        raise NotImplementedError

    def on_log(self) -> None:
        """Note what is due after the updates done so far; save a checkpoint if one is due."""
        raise NotImplementedError

    @property
    def until_log(self) -> int:
        """How many updates there are until the next log step, or the end."""
        following = min((at for at in self.log_steps if at > self.update), default=self.updates)
        return following - self.update


def train_all(
    makers: Sequence[Callable[[], Any]], device: Device, *, workers: int = 1
) -> Iterator[Any]:
    """Train to the end and yield each, in their order; what is not yet needed is not begun.

    Each maker makes one `Training`, which goes on from its checkpoint. On a GPU they train side by
    side, if they all can. `workers` are processes that train on a CPU, one network each at a time;
    more than one need checkpoints, by which this process gets what the others have trained.
    """
    if workers > 1 and len(makers) > 1 and not device.is_gpu and sys.platform == "linux":
        _train_in_processes(makers, device, min(workers, len(makers)))
    waiting = list(makers)
    while waiting:
        group = [waiting.pop(0)()]
        if device.is_gpu and group[0].side_by_side:
            group += [make() for make in waiting[: TOGETHER - 1]]
            del waiting[: TOGETHER - 1]
        if device.is_gpu:
            _side_by_side(group, device)
        else:
            _step_by_step(group[0], device)
        yield from group


def _train_in_processes(
    makers: Sequence[Callable[[], Training]], device: Device, workers: int
) -> None:
    """Train each to its final checkpoint in processes, each the next that nobody has begun.

    What a process leaves unfinished is trained by the caller, which raises its error. All end with
    this process.
    """
    forked = multiprocessing.get_context("fork")  # what is loaded already need not be loaded again
    following, parent = forked.Value("i", 0), os.getpid()

    def work() -> None:
        while os.getppid() == parent:
            with following.get_lock():
                index, following.value = following.value, following.value + 1
            if index >= len(makers):
                return
            with suppress(Exception):  # the caller meets it again
                _step_by_step(makers[index](), device, parent)

    processes = [forked.Process(target=work, daemon=True) for _ in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def _step_by_step(training: Training, device: Device, parent: int | None = None) -> None:
    """Train one; as the process of a parent only while that lives, which holds the lock."""
    begin = time.perf_counter()
    while training.update < training.updates:
        if parent is not None and os.getppid() != parent:
            return
        inputs = training.sample_inputs(training.update)
        training.seed_step(training.update)
        training.step(*(values.to(device.torch) for values in inputs))
        training.update += 1
        now = time.perf_counter()
        training.seconds, begin = training.seconds + now - begin, now
        training.on_log()


def _side_by_side(group: Sequence[Training], device: Device) -> None:
    begin = time.perf_counter()
    while going := [training for training in group if training.update < training.updates]:
        steps = _Steps(going, Gpu(device.torch, len(going)))
        number = steps.draw()
        while number:
            steps.run(number)
            for training in going:
                training.update += number
            number = steps.draw()  # the GPU is still at work; a log step waits for it
            for training in going:
                training.on_log()
        steps.gpu.wait()
    for training in group:
        training.seconds += (time.perf_counter() - begin) / len(group)


class Gpu:
    """What the engine uses of a GPU: streams, captured graphs, pinned memory."""

    def __init__(self, device: torch.device, streams: int) -> None:
        self.device = device
        self.streams = [torch.cuda.Stream(device) for _ in range(streams)]

    def branch(self, works: Sequence[Callable[[], None]]) -> None:
        """Do works side by side, each on a stream of its own, and go on after all of them."""
        main = torch.cuda.current_stream(self.device)
        begin = main.record_event()  # not later: a capture's stream may be one of ours
        for work, stream in zip(works, self.streams, strict=True):
            stream.wait_event(begin)
            with torch.cuda.stream(stream):
                work()
        for stream in self.streams:
            main.wait_stream(stream)

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return what does this work again, launched as one; it is not done now."""
        self.wait()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        return graph.replay

    def carry(self, rows: Sequence[Tensor], buffer: Tensor) -> None:
        """Copy rows from the CPU to the head of a buffer on the device, without waiting."""
        buffer[: len(rows)].copy_(torch.stack(list(rows)).pin_memory(), non_blocking=True)

    def wait(self) -> None:
        """Wait until all is done."""
        torch.cuda.synchronize(self.device)


class _Steps:
    """One step of each network as a captured graph, with the inputs of the next updates."""

    def __init__(self, trainings: Sequence[Training], gpu: Gpu) -> None:
        self.trainings, self.gpu, self.eager = trainings, gpu, EAGER
        self.replay: Callable[[], None] = self._step
        first = [training.sample_inputs(training.update) for training in trainings]
        a_step = sum(values.nbytes for inputs in first for values in inputs)
        self.ahead = max(1, min(AHEAD, AHEAD_BYTES // a_step))
        self.waiting = [
            [values.new_empty(self.ahead, *values.shape, device=gpu.device) for values in inputs]
            for inputs in first
        ]
        self.cursor = torch.zeros(1, dtype=torch.int64, device=gpu.device)

    def draw(self) -> int:
        """Draw for the updates until the next log step; return how many: 0 if a network ended."""
        number = min(self.ahead, *(training.until_log for training in self.trainings))
        if number == 0:
            return 0
        for training, waiting in zip(self.trainings, self.waiting, strict=True):
            draws = [training.sample_inputs(training.update + ahead) for ahead in range(number)]
            for buffer, *rows in zip(waiting, *draws, strict=True):
                self.gpu.carry(rows, buffer)
        return number

    def run(self, number: int) -> None:
        """Do so many updates of each network, those that were drawn for."""
        self.cursor.zero_()
        for ahead in range(number):
            for training in self.trainings:
                training.seed_step(training.update + ahead)  # a graph's random numbers too
            self.replay()
            self.eager -= 1
            if self.eager == 0:
                self.replay = self.gpu.capture(self._step)

    def _step(self) -> None:
        def work(training: Training, waiting: list[Tensor]) -> None:
            training.step(*(buffer.index_select(0, self.cursor)[0] for buffer in waiting))

        pairs = zip(self.trainings, self.waiting, strict=True)
        self.gpu.branch([partial(work, *pair) for pair in pairs])
        self.cursor += 1
