"""The training engine: networks on their way through their updates, side by side on a GPU.

On the CPU one network trains after the other. On a GPU the steps of the paper's networks take less
time than their launch: one captured graph holds a step of each network, on a stream of its own, and
is replayed. What a network learns is the same as alone, since they share nothing but the device.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor

from augtrial.checkpoints import Checkpoint
from augtrial.device import Device

TOGETHER = 32  # networks in one graph: PyTorch has as many streams
AHEAD, AHEAD_BYTES = 64, 2**28  # updates whose draws wait on a GPU, at most; and their bytes
EAGER = 3  # updates before a capture: libraries choose their kernels in the first ones


class Training:
    """A network on its way: what chance decides in an update, what it does, what is noted.

    A subclass gives `draws`, `step` and `look`. Chance is drawn on the CPU and from the update's
    number alone, so that a training goes on after a kill exactly as it would have.
    """

    update = 0  # updates done
    updates = 0  # updates in all
    looks: Sequence[int] = ()  # numbers of updates after which there is something to note
    seconds = 0.0  # that it took, alone or as its share of a group
    checkpoint: Checkpoint | None = None

    def draws(self, update: int) -> tuple[Tensor, ...]:
        """Return what chance decides in an update, on the CPU.

        On a GPU the shapes are the same in every update.
        """
        raise NotImplementedError

    def step(self, *draws: Tensor) -> None:
        """Do one update with its draws, on the device and without waiting for it."""
        raise NotImplementedError

    def look(self) -> None:
        """Note what is due after the updates done so far; save a checkpoint if one is due."""
        raise NotImplementedError

    @property
    def until_look(self) -> int:
        """How many updates there are until the next look, or the end."""
        following = min((at for at in self.looks if at > self.update), default=self.updates)
        return following - self.update


Some = TypeVar("Some", bound=Training)


def train_all(trainings: Iterable[Some], device: Device) -> Iterator[Some]:
    """Train to the end and yield each, in their order; what is not yet needed is not begun."""
    waiting = iter(trainings)
    size = TOGETHER if device.is_gpu else 1
    while group := list(islice(waiting, size)):
        if device.is_gpu:
            _side_by_side(group, device)
        else:
            _step_by_step(group[0], device)
        yield from group


def _step_by_step(training: Training, device: Device) -> None:
    begin = time.perf_counter()
    while training.update < training.updates:
        draws = training.draws(training.update)
        training.step(*(draw.to(device.torch) for draw in draws))
        training.update += 1
        training.look()
    training.seconds += time.perf_counter() - begin


def _side_by_side(group: Sequence[Training], device: Device) -> None:
    begin = time.perf_counter()
    while going := [training for training in group if training.update < training.updates]:
        steps = _Steps(going, Gpu(device.torch, len(going)))
        number = steps.draw()
        while number:
            steps.run(number)
            for training in going:
                training.update += number
            number = steps.draw()  # the GPU is still at work; a look waits for it
            for training in going:
                training.look()
        steps.gpu.wait()
    for training in group:
        training.seconds += (time.perf_counter() - begin) / len(group)


class Gpu:
    """What the engine uses of a GPU: streams, captured graphs, pinned memory."""

    def __init__(self, device: torch.device, streams: int) -> None:
        """Make the streams of a graph's branches."""
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

    def carry(self, rows: Sequence[Tensor], place: Tensor) -> None:
        """Copy rows from the CPU to the head of a place on the device, without waiting."""
        place[: len(rows)].copy_(torch.stack(list(rows)).pin_memory(), non_blocking=True)

    def wait(self) -> None:
        """Wait until all is done."""
        torch.cuda.synchronize(self.device)


class _Steps:
    """One step of each network as a captured graph, with the draws of the next updates."""

    def __init__(self, trainings: Sequence[Training], gpu: Gpu) -> None:
        self.trainings, self.gpu, self.eager = trainings, gpu, EAGER
        self.replay: Callable[[], None] = self._step
        first = [training.draws(training.update) for training in trainings]
        a_step = sum(draw.nbytes for draws in first for draw in draws)
        self.ahead = max(1, min(AHEAD, AHEAD_BYTES // a_step))
        self.waiting = [
            [draw.new_empty(self.ahead, *draw.shape, device=gpu.device) for draw in draws]
            for draws in first
        ]
        self.cursor = torch.zeros(1, dtype=torch.int64, device=gpu.device)

    def draw(self) -> int:
        """Draw for the updates until the next look, `ahead` at most; return how many they are.

        None where a network has ended.
        """
        number = min(self.ahead, *(training.until_look for training in self.trainings))
        if number == 0:
            return 0
        for training, waiting in zip(self.trainings, self.waiting, strict=True):
            draws = [training.draws(training.update + ahead) for ahead in range(number)]
            for place, *rows in zip(waiting, *draws, strict=True):
                self.gpu.carry(rows, place)
        return number

    def run(self, number: int) -> None:
        """Do so many updates of each network, those that were drawn for."""
        self.cursor.zero_()
        for _ in range(number):
            self.replay()
            self.eager -= 1
            if self.eager == 0:
                self.replay = self.gpu.capture(self._step)

    def _step(self) -> None:
        def work(training: Training, waiting: list[Tensor]) -> None:
            training.step(*(place.index_select(0, self.cursor)[0] for place in waiting))

        pairs = zip(self.trainings, self.waiting, strict=True)
        self.gpu.branch([partial(work, *pair) for pair in pairs])
        self.cursor += 1
