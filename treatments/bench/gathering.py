"""All figures there are, in the order in which they are printed."""

from collections.abc import Collection, Iterator

from treatments.bench import booking, day, free_time, importing, messages, protocol, safekeeping, scheduling
from treatments.bench.data import bench_clinic
from treatments.bench.figures import Figure

BY_THEMSELVES = {"protocol": protocol, "scheduling": scheduling}
# These share one server, which takes a minute or two to fill.
# The messages come last: they fill their table.
IN_A_CLINIC = {
    "free_time": free_time,
    "day": day,
    "booking": booking,
    "safekeeping": safekeeping,
    "importing": importing,
    "messages": messages,
}
SUBJECTS = (*BY_THEMSELVES, *IN_A_CLINIC)


def figures(*, database: bool, only: Collection[str] = SUBJECTS) -> Iterator[tuple[str, Figure]]:
    """Each figure with its subject. `database`: also what a clinic's database takes part in. A server is started, filled and taken
    away for it."""
    for name, subject in BY_THEMSELVES.items():
        if name in only:
            yield from ((name, figure) for figure in subject.figures())
    in_a_clinic = [name for name in IN_A_CLINIC if database and name in only]
    if in_a_clinic:
        with bench_clinic() as bench:
            for name in in_a_clinic:
                yield from ((name, figure) for figure in IN_A_CLINIC[name].figures(bench))
