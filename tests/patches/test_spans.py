"""The arithmetic of spans against dependence worked out sample by sample, as matrices of True and False."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from signalscreen.patches import spans as s

AXIS = 0
numbers = st.integers


def sliding(n, size, stride, dilation, before, m):
    """Which inputs each output of a convolution sees: ``(m, n)``."""
    sees = np.zeros((m, n), bool)
    for o in range(m):
        for k in range(size):
            i = o * stride - before + k * dilation
            if 0 <= i < n:
                sees[o, i] = True
    return sees


def moved(n, m, where):
    """Outputs that are one input each, or none: ``where(o)`` may lie outside."""
    sees = np.zeros((m, n), bool)
    for o in range(m):
        if 0 <= where(o) < n:
            sees[o, where(o)] = True
    return sees


def spread(n, size, stride, before, m):
    """Which inputs each output of a transposed convolution sees."""
    return sliding(m, size, stride, 1, before, n).T


@st.composite
def layers(draw, n):
    """One layer on an axis of n: what its outputs depend on, and what it does to a span."""
    kind = draw(st.sampled_from(["sliding", "transposed", "padded", "cropped", "repeated"]))
    if kind == "sliding":
        size, stride, dilation = draw(numbers(1, 5)), draw(numbers(1, 4)), draw(numbers(1, 3))
        before, after = draw(numbers(0, 4)), draw(numbers(0, 4))
        m = (n + before + after - (size - 1) * dilation - 1) // stride + 1
        assume(m >= 1)
        geometry = size, stride, dilation, before, m
        return sliding(n, *geometry), lambda span: s.through(span, *geometry)
    if kind == "transposed":
        size, stride = draw(numbers(1, 5)), draw(numbers(1, 4))
        before = draw(numbers(0, size - 1))
        m = (n - 1) * stride + size - before - draw(numbers(0, size - 1))
        assume(1 <= m <= 90)
        return spread(n, size, stride, before, m), lambda span: s.back(span, size, stride, before, m)[0]
    if kind == "repeated":
        by = draw(numbers(1, 3))
        return moved(n, n * by, lambda o: o // by), lambda span: s.scaled(span, by)
    by = draw(numbers(0, 6)) if kind == "padded" else -draw(numbers(0, n - 1))
    m = draw(numbers(max(n + by, 1), n + by + 6)) if kind == "padded" else draw(numbers(1, n + by))
    return moved(n, m, lambda o: o - by), lambda span: s.shifted(span, by, m)


@st.composite
def chains(draw, n, most=4):
    """Several layers behind each other: what the last depends on, and the span of an edit there."""
    sees, steps = np.eye(n, dtype=bool), []
    for _ in range(draw(numbers(0, most))):
        layer, step = draw(layers(len(sees)))
        sees = (layer.astype(int) @ sees) > 0
        steps.append(step)
        assume(len(sees) <= 120)
    return sees, steps


def after(span, steps):
    for step in steps:
        span = step(span)
    return span


def edited(n, start, width):
    places = np.arange(n)
    return (places >= start) & (places < start + width)


def stretch(span, start):
    """Where the span lies for an edit at `start`: what may change, and what is computed."""
    [first] = span.starts(np.array([start]))
    turn = start // span.period
    last = span.last[start % span.period] + turn * span.step
    assert first == span.first[start % span.period] + turn * span.step
    assert last - first <= span.width
    return int(first), int(last)


def everywhere(n, width):
    return range(-width - 7, n + 8)


LENGTHS = numbers(6, 24)
WIDTHS = numbers(1, 24)


@given(st.data(), LENGTHS, WIDTHS)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_span_holds_all_that_depends_on_the_edit(data, n, width):
    sees, steps = data.draw(chains(n))
    span = after(s.edit(AXIS, width, n), steps)
    assert span.length == len(sees)
    for start in everywhere(n, width):
        changed = np.flatnonzero((sees & edited(n, start, width)).any(1))
        first, last = stretch(span, start)
        assert all(first <= o < last for o in changed), (span, start, changed)


@given(st.data(), LENGTHS, WIDTHS)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_what_is_read_holds_all_that_the_computed_stretch_needs(data, n, width):
    _, steps = data.draw(chains(n, 3))
    span = after(s.edit(AXIS, width, n), steps)
    size, stride, dilation = data.draw(numbers(1, 5)), data.draw(numbers(1, 4)), data.draw(numbers(1, 3))
    before, more = data.draw(numbers(0, 4)), data.draw(numbers(0, 4))
    m = (span.length + before + more - (size - 1) * dilation - 1) // stride + 1
    assume(m >= 1)
    out = s.through(span, size, stride, dilation, before, m)
    need = s.seen(out, size, stride, dilation, before, span.length)
    assert need.length == span.length
    # Run there without padding, the layer gives as many outputs as are wanted, the first of them in its place.
    assert (need.width - (size - 1) * dilation - 1) // stride + 1 == out.width
    for start in everywhere(n, width):
        assert stretch(need, start)[0] == stretch(out, start)[0] * stride - before


@given(st.data(), LENGTHS, WIDTHS)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_what_a_transposed_convolution_reads_holds_all_that_it_needs(data, n, width):
    _, steps = data.draw(chains(n, 3))
    span = after(s.edit(AXIS, width, n), steps)
    size, stride = data.draw(numbers(1, 5)), data.draw(numbers(1, 4))
    before = data.draw(numbers(0, size - 1))
    m = (span.length - 1) * stride + size - before
    out, need = s.back(span, size, stride, before, m)
    margin = {stretch(span, start)[0] - stretch(need, start)[0] for start in everywhere(n, width)}
    assert len(margin) == 1  # so that one crop serves every edit
    sees = spread(span.length, size, stride, before, m)
    for start in everywhere(n, width):
        first, read = stretch(out, start)[0], stretch(need, start)[0]
        wanted = [o for o in range(first, first + out.width) if 0 <= o < m]
        for i in np.flatnonzero(sees[wanted].any(0)) if wanted else []:
            assert read <= i < read + need.width
        # The crop: the output that the first input read would give, and as many as are wanted.
        crop = margin.copy().pop() * stride
        assert read * stride - before + crop == first
        assert crop + out.width <= (need.width - 1) * stride + size


@given(st.data(), LENGTHS, WIDTHS)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_union_holds_both_branches(data, n, width):
    _, steps = data.draw(chains(n, 2))
    span = after(s.edit(AXIS, width, n), steps)
    branches = []
    stride = data.draw(numbers(1, 4))
    m = data.draw(numbers(1, -(-span.length // stride)))
    for _ in range(2):
        size, dilation, before = data.draw(numbers(1, 5)), data.draw(numbers(1, 3)), data.draw(numbers(0, 4))
        branch = s.through(span, size, stride, dilation, before, m)
        # The long way round, through twice the stride, is the same speed at another period.
        if data.draw(st.booleans()):
            branch = s.through(s.scaled(branch, 2), 1, 2, 1, 0, m)
        branches.append(branch)
    both = s.union(*branches)
    again = s.union(*branches[::-1])
    assert (both.length, both.axis) == (m, AXIS)
    assert s.same(both, again)
    for start in everywhere(n, width):
        first, last = stretch(both, start)
        assert first == min(stretch(b, start)[0] for b in branches)
        assert last == max(stretch(b, start)[1] for b in branches)


@given(st.data(), LENGTHS, WIDTHS, WIDTHS)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_same_means_same_place_and_width_for_every_edit(data, n, width, other_width):
    _, steps = data.draw(chains(n, 2))
    _, more = data.draw(chains(n, 2))
    a, b = after(s.edit(AXIS, width, n), steps), after(s.edit(AXIS, other_width, n), more)
    by = data.draw(numbers(1, 3))
    longer = s.through(s.scaled(a, by), 1, by, 1, 0, a.length)  # a span again, perhaps with a longer period
    for x, y in ((a, b), (b, a), (a, a), (a, longer), (a, s.shifted(a, 1, a.length))):
        # Starts that agree over a few common periods agree for ever, as both move by steps.
        far = np.arange(-3 * x.period * y.period, 3 * x.period * y.period)
        equal = np.array_equal(x.starts(far), y.starts(far)) and (x.length, x.width) == (y.length, y.width)
        assert s.same(x, y) == equal


def test_one_place_is_the_same_for_every_edit():
    place = s.one_place(s.edit(AXIS, 5, 30), 7)
    assert (place.starts(np.arange(-9, 40)) == 7).all()
    assert place.width == 1
    assert not s.same(place, s.edit(AXIS, 1, 30))
