"""Sums and products of vectors that stay in registers: loops that numba does not find by itself.

Arrays are float32; places in them are int64, counted in numbers. Nothing checks bounds.
"""

import hashlib
import sys

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

MODULE = sys._getframe().f_code  # what `compiled` holds against the file
LANES = 8  # float32 numbers in a vector
PANEL = 2 * LANES  # numbers of a row of a product; ROWS of them fit into the registers
ROWS = 4  # LANES are a multiple of it


def block_adder(vectors: int, lanes: int = LANES):
    """Return a compiled add(block, at, step, factors, blocks, places, block_step, number).

    A block is a patch or a filter: three rows of consecutive numbers in a flat array, each
    `step` (`block_step`) after the one before. The block at block[at] grows by the sum of
    factors[i] x (the block at blocks[places[i]]), i < number, and stays in 3 x vectors
    registers meanwhile. `places` is an array of int64; the arrays do not overlap.
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
            parts = [(row, lane) for row in range(3) for lane in range(0, vectors * lanes, lanes)]

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


def by_matrix(matrix: np.ndarray):
    """Return a compiled apply(source, at, step, target, to, stride): target = matrix @ source.

    Each vector of LANES numbers of an array begins `step` (`stride`) after the one before, the
    first at `at` (`to`).
    """

    name = f"by_matrix_{hashlib.sha256(matrix.tobytes()).hexdigest()[:16]}_{len(matrix)}"

    @intrinsic
    def apply(context, source, at, step, target, to, stride):
        kinds = source, at, step, target, to, stride

        def generate(context, builder, signature, given):
            def begin(array, place):
                numbers = context.make_array(kinds[array])(context, builder, given[array]).data
                return builder.gep(numbers, [place])

            _, at, step, _, to, stride = given
            # Not inlined: the many calls of a loop would take the compiler many times as long.
            function = builder.module.globals.get(name) or _by_matrix(builder.module, name, matrix)
            builder.call(function, [begin(0, at), step, begin(3, to), stride])
            return context.get_dummy_value()

        return types.void(*kinds), generate

    return apply


def _by_matrix(module: ir.Module, name: str, matrix: np.ndarray) -> ir.Function:
    """Add to a module the function (source, step, target, stride) of `by_matrix`."""
    number, numbers = ir.IntType(64), ir.FloatType().as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [numbers, number, numbers, number])
    function = ir.Function(module, kind, name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    builder, vector = (
        ir.IRBuilder(function.append_basic_block()),
        ir.VectorType(ir.FloatType(), LANES),
    )
    source, step, target, stride = function.args

    def address(begin, step, place):
        own = builder.gep(begin, [builder.mul(step, number(place))])
        return builder.bitcast(own, vector.as_pointer())

    def constant(factor):
        return vector([float(factor)] * LANES)

    def weighted(total, factor, own):
        """Return total + factor x own, in as few operations as it takes."""
        if total is None:
            return own if factor == 1 else builder.fmul(own, constant(factor))
        if abs(factor) == 1:
            return (builder.fadd if factor > 0 else builder.fsub)(total, own)
        product = builder.fmul(own, constant(factor), flags=["contract"])
        return builder.fadd(total, product, flags=["contract"])

    inputs = [
        builder.load(address(source, step, place), align=4) for place in range(matrix.shape[1])
    ]
    for row, factors in enumerate(matrix):
        total = None
        for place in sorted(np.flatnonzero(factors), key=lambda place: factors[place] != 1):
            total = weighted(total, factors[place], inputs[place])
        builder.store(total, address(target, stride, row), align=4)
    builder.ret_void()
    return function


def multiplier(adds: bool):
    """Return a compiled multiply(a, at, row, panel, panels, step, number, b, begin, c, to).

    ROWS rows of PANEL numbers, one after the other in c from `to`, become (or, if it adds, grow by)
    the matrix product of a and b. Of a, a row begins `row` after the one before, and has `panels`
    stretches of `number` numbers; stretches are `panel` apart, numbers `step`. Of b, rows of PANEL
    follow each other from `begin`.
    """

    @intrinsic
    def multiply(context, a, at, row, panel, panels, step, number, b, begin, c, to):
        kinds = a, at, row, panel, panels, step, number, b, begin, c, to

        def generate(context, builder, signature, given):
            vector, index = ir.VectorType(ir.FloatType(), LANES), ir.IntType(64)
            _, at, row, panel, panels, step, number, _, begin, _, to = given
            places = [(own, lane) for own in range(ROWS) for lane in range(0, PANEL, LANES)]

            def address(array, begin):
                numbers = context.make_array(kinds[array])(context, builder, given[array]).data
                return builder.gep(numbers, [begin])

            def vectors(array, begin):
                return builder.bitcast(address(array, begin), vector.as_pointer())

            def target(own, lane):
                return vectors(9, builder.add(to, index(own * PANEL + lane)))

            totals = {place: cgutils.alloca_once(builder, vector) for place in places}
            for place, total in totals.items():
                begun = builder.load(target(*place), align=4) if adds else vector([0.0] * LANES)
                builder.store(begun, total)
            with cgutils.for_range(builder, panels) as outer:
                first = builder.add(at, builder.mul(panel, outer.index))
                before = builder.mul(outer.index, number)
                with cgutils.for_range(builder, number) as inner:
                    seen = builder.mul(builder.add(before, inner.index), index(PANEL))
                    seen = builder.add(begin, seen)
                    factors = {
                        lane: builder.load(vectors(7, builder.add(seen, index(lane))), align=4)
                        for lane in range(0, PANEL, LANES)
                    }
                    own = builder.add(first, builder.mul(step, inner.index))
                    for line in range(ROWS):
                        one = builder.load(
                            address(0, builder.add(own, builder.mul(row, index(line))))
                        )
                        spread = vector(ir.Undefined)
                        for lane in range(LANES):
                            spread = builder.insert_element(spread, one, ir.IntType(32)(lane))
                        for lane, factor in factors.items():
                            product = builder.fmul(spread, factor, flags=["contract"])
                            total = builder.load(totals[line, lane])
                            total = builder.fadd(total, product, flags=["contract"])
                            builder.store(total, totals[line, lane])
            for place, total in totals.items():
                builder.store(builder.load(total), target(*place), align=4)
            return context.get_dummy_value()

        return types.void(*kinds), generate

    return multiply
