"""Any sequence of booking, moving, cancelling and taking back keeps the course whole: every session once, never below the floor."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic import clock
from clinic.errors import DomainError
from tests import factories
from treatments.appointments import services as diary
from treatments.appointments.courses import services
from treatments.appointments.courses.problems import Wishes, course_times, sessions_to_place
from treatments.appointments.courses.rearranging import rearrangement
from treatments.appointments.models import Appointment
from treatments.flows import visits as flow
from treatments.scheduling.finding import find_sets

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["book", "move", "rearrange", "cancel", "put back"]), st.integers(0, 3), st.integers(-30, 60)
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.django_db
@given(acts=ACTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_done_the_course_stays_whole(active_plan, desk_member, acts):
    plan, by = active_plan, desk_member.user
    numbers = list(plan.planned_sessions.values_list("number", flat=True))
    done: list[str] = []
    try:
        with transaction.atomic():
            for act, which, days in acts:
                try:
                    with transaction.atomic():
                        do(act, plan, which, days, by)
                        done.append(act)
                except DomainError:
                    pass
                check(plan, numbers)
            raise Undo
    except Undo:
        pass


class Undo(Exception):
    """Every example begins with the same course."""


def do(act: str, plan, which: int, days: int, by) -> None:
    coming = list(
        Appointment.objects.filter(planned_session__plan=plan, status="booked")
        .select_related(*services.OF_A_VISIT)
        .order_by("during")
    )
    if act == "book":
        planned = sessions_to_place(plan)
        if planned:
            times = course_times(plan, planned, Wishes(), now=clock.now())
            sets = find_sets(times.problem, times.free).sets
            if sets:
                places = dict(zip(times.planned, map(times.place, sets[0].visits), strict=True))
                services.book_all(plan=plan, places=places, by=by)
        return
    if act == "put back":
        services.put_back(plan=plan, by=by)
        return
    if which >= len(coming):
        return
    visit = coming[which]
    place = diary.place_of(visit)
    place = replace(place, day=place.day + timedelta(days=days), device=None)
    if act == "move":
        diary.move(visit=visit, place=place, by=by)
    elif act == "rearrange":
        found = rearrangement(plan, {visit: place}, now=clock.now())
        if found.found.fewest:
            services.move_together(plan=plan, places=found.places(found.found.fewest), by=by)
    else:
        flow.cancel(visit=visit, reason="Cannot come", by=by)


def check(plan, numbers: list[int]) -> None:
    assert list(plan.planned_sessions.values_list("number", flat=True)) == numbers
    standing = list(
        Appointment.objects.filter(planned_session__plan=plan, status="booked").values_list(
            "planned_session__number", "day"
        )
    )
    assert len({number for number, _ in standing}) == len(standing)
    days = [day for _, day in sorted(standing)]
    assert all((b - a).days >= plan.floor_days for a, b in zip(days, days[1:], strict=False))
    assert all(day >= factories.TODAY for day in days)
