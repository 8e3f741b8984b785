"""All figures there are, in the order in which they are printed."""

from collections.abc import Iterator

from treatments.bench import booking, day, free_time, messages, protocol, scheduling
from treatments.bench.data import bench_clinic
from treatments.bench.figures import Figure

BY_THEMSELVES = (protocol, scheduling)
# These share one server, which takes a minute or two to fill.
# The messages come last: they fill their table.
IN_A_CLINIC = (free_time, day, booking, messages)


def figures(*, database: bool) -> Iterator[Figure]:
    """`database`: also what a clinic's database takes part in. A server is started, filled and taken away for it."""
    for subject in BY_THEMSELVES:
        yield from subject.figures()
    if database:
        with bench_clinic() as bench:
            for subject in IN_A_CLINIC:
                yield from subject.figures(bench)
