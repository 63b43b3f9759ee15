"""The loops of `pooling`, compiled for the CPU, over arrays [n, h, w, c] of float32."""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from augtrial.training.kernels.compiled import loop

LANES = 8  # float32 numbers in a vector
NOBODY = 4  # no output under the pool is above zero; else the winner is 0, 1, 2 or 3, by rows


@njit
def _winner(a, b, c, d):
    """Return the largest of four, not below zero, and which it is; NaN is larger than all."""
    most, winner = a, np.uint8(0)
    if b > most or b != b:
        most, winner = b, np.uint8(1)
    if c > most or c != c:
        most, winner = c, np.uint8(2)
    if d > most or d != d:
        most, winner = d, np.uint8(3)
    if most <= 0:
        most, winner = np.float32(0), np.uint8(NOBODY)
    return most, winner


@loop
def pool(feature_maps, pooled, winners):
    """Write each pool's winner, and its value, of convolved feature maps."""
    for n in range(pooled.shape[0]):
        for i in range(pooled.shape[1]):
            for j in range(pooled.shape[2]):
                y, x = 2 * i, 2 * j
                for c in range(pooled.shape[3]):
                    pooled[n, i, j, c], winners[n, i, j, c] = _winner(
                        feature_maps[n, y, x, c],
                        feature_maps[n, y, x + 1, c],
                        feature_maps[n, y + 1, x, c],
                        feature_maps[n, y + 1, x + 1, c],
                    )


@loop
def convolve_image_and_pool(image, by_tap, bias, pooled, winners):
    """Write the winners and values of images [n, h, w], filters [9, c] and bias [c]."""
    for n in range(pooled.shape[0]):
        for i in range(pooled.shape[1]):
            for j in range(pooled.shape[2]):
                for c in range(pooled.shape[3]):
                    upper_left = upper_right = lower_left = lower_right = bias[c]
                    for row in range(3):
                        for column in range(3):
                            y, x, weight = 2 * i + row, 2 * j + column, by_tap[3 * row + column, c]
                            upper_left += weight * image[n, y, x]
                            upper_right += weight * image[n, y, x + 1]
                            lower_left += weight * image[n, y + 1, x]
                            lower_right += weight * image[n, y + 1, x + 1]
                    pooled[n, i, j, c], winners[n, i, j, c] = _winner(
                        upper_left, upper_right, lower_left, lower_right
                    )


def block_adder(vectors: int, lanes: int = LANES):
    """Return a compiled add(block, start, step, factors, blocks, starts, block_step, number).

    A block is a patch or a filter: three rows of consecutive numbers in a flat array, each
    `step` (`block_step`) after the one before. The block at block[start] grows by the sum of
    factors[i] x (the block at blocks[starts[i]]), i < number, and stays in 3 x vectors registers
    meanwhile, which numba's own loops do not do. `starts` are int64; the arrays do not overlap,
    and nothing checks their bounds.
    """

    @intrinsic
    def add(context, block, start, step, factors, blocks, starts, block_step, number):
        kinds = block, start, step, factors, blocks, starts, block_step, number

        def generate(context, builder, signature, arguments):
            def numbers_of(index):
                make = context.make_array(kinds[index])
                return make(context, builder, arguments[index]).data

            block, factors, blocks, starts = map(numbers_of, (0, 3, 4, 5))
            _, start, step, _, _, _, block_step, number = arguments
            vector = ir.VectorType(ir.FloatType(), lanes)
            parts = [(row, lane) for row in range(3) for lane in range(0, vectors * lanes, lanes)]

            def address(numbers, start, step, row, lane):
                offset = builder.add(builder.mul(step, step.type(row)), start.type(lane))
                pointer = builder.gep(numbers, [builder.add(start, offset)])
                return builder.bitcast(pointer, vector.as_pointer())

            totals = [cgutils.alloca_once(builder, vector) for _ in parts]
            for total, part in zip(totals, parts, strict=True):
                builder.store(builder.load(address(block, start, step, *part), align=4), total)
            with cgutils.for_range(builder, number) as loop:
                factor = builder.load(builder.gep(factors, [loop.index]))
                block_start = builder.load(builder.gep(starts, [loop.index]))
                spread = vector(ir.Undefined)
                for lane in range(lanes):
                    spread = builder.insert_element(spread, factor, ir.IntType(32)(lane))
                for total, part in zip(totals, parts, strict=True):
                    pointer = address(blocks, block_start, block_step, *part)
                    more = builder.load(pointer, align=4)
                    more = builder.fmul(spread, more, flags=["contract"])
                    more = builder.fadd(builder.load(total), more, flags=["contract"])
                    builder.store(more, total)
            for total, part in zip(totals, parts, strict=True):
                builder.store(builder.load(total), address(block, start, step, *part), align=4)
            return context.get_dummy_value()

        return types.void(*kinds), generate

    return add


_add_one_channel = block_adder(vectors=1, lanes=3)  # a patch's row has three pixels
_add_channels = block_adder(vectors=3)  # and three vectors for each eight channels


@njit
def _add(block, start, step, factors, blocks, starts, block_step, number, row):
    """Add as `block_adder` says; `row` is how many numbers a block's rows have."""
    if row == 3:
        _add_one_channel(block, start, step, factors, blocks, starts, block_step, number)
        return
    for part in range(0, row, 3 * LANES):
        columns = blocks[part:]
        _add_channels(block, start + part, step, factors, columns, starts, block_step, number)


@loop
def add_to_filters(feature_maps, passed, winners, to_filters, to_bias):
    """Add to each filter's gradient [output, 3, 3, c] the patches that its winners saw."""
    images, height, width, channels = feature_maps.shape
    rows, columns, outputs = passed.shape[1:]
    pixels, gradient = feature_maps.reshape(-1), to_filters.reshape(-1)
    line, row = width * channels, 3 * channels
    starts, factors = np.empty(rows * columns, np.int64), np.empty(rows * columns, np.float32)
    for n in range(images):
        for c in range(outputs):
            number = 0
            for i in range(rows):
                for j in range(columns):
                    k = np.int64(winners[n, i, j, c])
                    pixel = (n * height + 2 * i + (k >> 1)) * width + 2 * j + (k & 1)
                    starts[number], factors[number] = pixel * channels, passed[n, i, j, c]
                    number += k != NOBODY  # no branch, hard to predict; the next overwrites it
            to_bias[c] += factors[:number].sum()
            _add(gradient, c * 3 * row, row, factors, pixels, starts, line, number, row)


@loop
def add_to_inputs(filters, passed, winners, to_inputs):
    """Add to each patch's gradient the filters [output, 3, 3, c] that won by it."""
    images, height, width, channels = to_inputs.shape
    rows, columns, outputs = passed.shape[1:]
    weights, gradient = filters.reshape(-1), to_inputs.reshape(-1)
    line, row = width * channels, 3 * channels
    numbers = np.empty(NOBODY + 1, np.int64)
    starts = np.empty((NOBODY + 1, outputs), np.int64)
    factors = np.empty((NOBODY + 1, outputs), np.float32)
    for n in range(images):
        for i in range(rows):
            for j in range(columns):
                numbers[:] = 0
                for c in range(outputs):
                    k = winners[n, i, j, c]
                    starts[k, numbers[k]] = c * 3 * row
                    factors[k, numbers[k]] = passed[n, i, j, c]
                    numbers[k] += 1
                for k in range(NOBODY):
                    pixel = (n * height + 2 * i + (k >> 1)) * width + 2 * j + (k & 1)
                    start, terms, wins = pixel * channels, factors[k], starts[k]
                    _add(gradient, start, line, terms, weights, wins, row, numbers[k], row)
