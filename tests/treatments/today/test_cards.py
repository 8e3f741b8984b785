"""The words on the cards of a full day, in a browser: whole, also where two share a lane."""

from datetime import time, timedelta

import pytest
from playwright.sync_api import expect

from clinic import clock
from tests import factories
from tests.factories import TODAY
from tests.fixtures.browser import WIDTHS, show_in
from treatments.appointments import services
from treatments.appointments.models import Appointment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# Of every card the words that are cut off at its edge.
CUT_OFF = """[...document.querySelectorAll('.visit .treat small')]
    .filter(words => words.checkVisibility() && words.scrollWidth > words.clientWidth)
    .map(words => words.innerText)"""
MARKS_OVER_NAMES = """() => [...document.querySelectorAll(".visit .two")].filter((mark) => {
    const name = mark.parentElement.querySelector(".treat b"), words = document.createRange();
    words.selectNodeContents([...name.children].find((part) => part.checkVisibility()));
    const drawn = mark.getBoundingClientRect(), said = words.getBoundingClientRect();
    const ends = Math.min(said.right, name.getBoundingClientRect().right - parseFloat(getComputedStyle(name).paddingInlineEnd));
    return drawn.width < 8 || (drawn.top < said.bottom && said.top < drawn.bottom && drawn.left < ends);
}).length"""


@pytest.fixture
def crowded(clinic, later):
    """Four lanes; in the first two visits at every hour, the second of each pair in the second room."""
    for name in ("Ines Halloran", "Otto Brandt", "Vera Lind"):
        factories.make_member(clinic, "clinician", name=f"Dr {name}")
    by = factories.a_manager(clinic).user
    pairs = [
        _visit(clinic, time(hour), kind, room)
        for hour in range(13, 17)
        for kind, room in (("consultation", clinic.rooms.first()), ("review", clinic.rooms.last()))
    ]
    # Numbing needs no clinician: two courses begin at eleven, one in the room while the other waits.
    treated = [
        factories.book(
            factories.make_active_plan(factories.make_patient(clinic, given_name=given)).planned_sessions.get(number=1),
            day=TODAY,
            at=at,
            room=room,
        )
        for given, at, room in (("Leila", time(11), clinic.rooms.first()), ("Maja", time(11, 30), clinic.rooms.last()))
    ]
    for visit, status in zip(pairs, ("cancelled", "no_show", "arrived", "in_room", "done", "booked"), strict=False):
        moment = clock.now() - timedelta(minutes=30)
        Appointment.objects.filter(pk=visit.pk).update(
            status=status, arrived_at=moment, in_room_at=moment, done_at=moment, closed_at=moment
        )
    services.step(visit=treated[0], to="arrived", by=by)
    services.step(visit=Appointment.objects.get(pk=treated[0].pk), to="in_room", by=by)
    return treated


def _visit(clinic, at: time, kind: str, room) -> Appointment:
    place = factories.a_place(clinic, TODAY, at, kind=kind, room=room)
    return services.book(
        patient=factories.make_patient(clinic, given_name="Bartholomew", family_name="Featherstone"),
        kind=kind,
        place=place,
        overlap_reason="A crowded day of a test",
        by=factories.a_manager(clinic).user,
    )


def test_a_crowded_day_keeps_its_words_whole_and_marks_who_stands_beside_another(visitors, desk_member, crowded):
    visitor = visitors().sign_in(desk_member)
    page = visitor.open(f"/today/?by=rooms&visit={crowded[0].ref}")
    expect(page.locator(".ec .visit")).to_have_count(10)
    assert page.evaluate(CUT_OFF) == []

    visitor.open(f"/today/?by=clinicians&visit={crowded[0].ref}")
    expect(page.locator(".ec .visit")).to_have_count(10)
    assert page.locator(".ec .visit b .short:visible").count() >= 6
    assert page.evaluate(CUT_OFF) == []

    page.keyboard.press("Escape")
    expect(page.locator("#drawer-title")).to_have_count(0)
    on_purpose = page.get_by_role("link", name="beside another on purpose: A crowded day of a test")
    expect(on_purpose).to_have_count(3)
    expect(on_purpose.locator(".two")).to_have_count(3)
    # Of each of four pairs the one booked later; she who did not come stands beside nobody.
    expect(page.locator(".ec .visit .two")).to_have_count(3)
    # A mark that lies over the words of a name hides what it belongs to.
    assert page.evaluate(MARKS_OVER_NAMES) == 0


def test_the_button_that_prints_never_has_a_line_of_its_own(visitors, desk_member):
    """The longest name of a day and the way back to today leave less room."""
    page = visitors("tablet").sign_in(desk_member).open("/today/?day=2027-09-29")
    expect(page.get_by_role("heading", name="Wednesday 29 September")).to_be_visible()
    beside = """button => [...document.querySelectorAll(".topbar > *")].filter((other) => {
        const [one, two] = [button, other].map((part) => part.getBoundingClientRect());
        return other !== button && two.top < one.bottom && one.top < two.bottom;
    }).length"""
    for width in ("tablet", "phone"):
        show_in(page, WIDTHS[width], dark=False)
        assert page.locator(".topbar > .btn-icon").evaluate(beside) > 0, width
