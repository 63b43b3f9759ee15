"""What loops over patches of images are made of: compiled for this CPU by numba, in registers.

A block is a few rows of consecutive numbers in a flat array: a patch of an image, or a filter.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8  # float32 numbers in a vector


def block_adder(rows: int, vectors: int, lanes: int = LANES):
    """Return a compiled add(block, at, step, factors, blocks, places, block_step, number).

    It adds the sum of factors[i] x (the block that begins at blocks[places[i]]), i < number, to
    the block that begins at block[at]. All arrays are flat, `places` int64, the others float32.

    Args:
        rows: rows of a block; each begins `step` (`block_step`) numbers after the one before.
        vectors: vectors in a row. The block stays in rows x vectors registers.
        lanes: numbers in a vector.
    """

    @intrinsic
    def add(context, block, at, step, factors, blocks, places, block_step, number):
        kinds = block, at, step, factors, blocks, places, block_step, number

        def generate(context, builder, signature, given):
            def numbers_of(array):
                make = context.make_array(kinds[array])
                return make(context, builder, given[array]).data

            block, factors, blocks, places = map(numbers_of, (0, 3, 4, 5))
            _, at, step, _, _, _, block_step, number = given
            vector = ir.VectorType(ir.FloatType(), lanes)
            parts = [
                (row, lane) for row in range(rows) for lane in range(0, vectors * lanes, lanes)
            ]

            def address(numbers, begin, step, row, lane):
                own = builder.add(builder.mul(step, step.type(row)), begin.type(lane))
                pointer = builder.gep(numbers, [builder.add(begin, own)])
                return builder.bitcast(pointer, vector.as_pointer())

            totals = [cgutils.alloca_once(builder, vector) for _ in parts]
            for total, part in zip(totals, parts, strict=True):
                builder.store(builder.load(address(block, at, step, *part), align=4), total)
            with cgutils.for_range(builder, number) as loop:
                factor = builder.load(builder.gep(factors, [loop.index]))
                begin = builder.load(builder.gep(places, [loop.index]))
                spread = vector(ir.Undefined)
                for lane in range(lanes):
                    spread = builder.insert_element(spread, factor, ir.IntType(32)(lane))
                for total, part in zip(totals, parts, strict=True):
                    seen = builder.load(address(blocks, begin, block_step, *part), align=4)
                    more = builder.fmul(spread, seen, flags=["contract"])
                    more = builder.fadd(builder.load(total), more, flags=["contract"])
                    builder.store(more, total)
            for total, part in zip(totals, parts, strict=True):
                builder.store(builder.load(total), address(block, at, step, *part), align=4)
            return context.get_dummy_value()

        return types.void(*kinds), generate

    return add
