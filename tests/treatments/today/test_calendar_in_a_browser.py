"""The picture of the day in a real browser: what stands where, what a press does, what a drag proposes, and what another desk changes."""

import re
from datetime import datetime, time, timedelta

import pytest
from playwright.sync_api import Route, expect

from clinic import clock
from clinic.models import Clinic
from tests import factories
from tests.factories import TODAY
from tests.fixtures import kept_rows
from tests.fixtures.browser import VIEWS, WIDTHS, Visitor, a_round_trip, overflow, show_in
from tests.fixtures.world import the_clinician
from treatments.appointments import services
from treatments.appointments.models import Appointment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# A little more than what lies between two questions of a page that follows the day.
NEXT_ASK_MS = 6_100


# The rows of the day and when it was finished: made by the services for the first test, put back for the others.
_kept: list[tuple[dict[str, str], datetime]] = []


@pytest.fixture
def clinic(clinic_time) -> Clinic:
    if _kept:
        rows, finished_at = _kept[0]
        kept_rows.put_back(rows)
        clinic_time(finished_at)
    else:
        make_a_full_day(factories.make_clinic())
        _kept.append((kept_rows.take(), clock.now()))
    return Clinic.objects.get()


@pytest.fixture
def full_day(clinic) -> dict[str, Appointment]:
    """A morning half done: struck, done, numbing, here, not before, not confirmed; a gap and two who share a column."""
    visits = Appointment.objects.select_related("patient")
    return {f"{visit.patient.given_name} {visit.patient.family_name}": visit for visit in visits}


def make_a_full_day(clinic: Clinic) -> None:
    by = factories.a_manager(clinic).user
    noor = the_clinician(clinic)
    ines = factories.make_member(
        clinic, "prescriber", name="Dr Ines Halloran", title="Prescriber", licence="GMC 7654321"
    )
    jonas = factories.make_member(clinic, "clinician", name="Jonas Feld", title="Nurse")
    one, two = clinic.rooms.all()
    three = factories.clinic_services.add_room(clinic=clinic, name="Room 3", short_name="R3", position=3, by=by)
    clinic.devices.update(in_service=False, out_reason="At the maker")
    made = {}

    def treatment(name, at, who, room):
        given, _, family = name.partition(" ")
        plan = factories.make_active_plan(factories.make_patient(clinic, given_name=given, family_name=family))
        made[name] = factories.book(plan.planned_sessions.get(number=1), day=TODAY, at=at, clinician=who, room=room)

    def short(name, at, kind, who, room):
        given, _, family = name.partition(" ")
        patient = factories.make_patient(clinic, given_name=given, family_name=family)
        place = factories.a_place(clinic, TODAY, at, kind=kind, clinician=who, room=room)
        made[name] = services.book(patient=patient, kind=kind, place=place, by=by)

    treatment("Leila Haddad", time(11), noor, one)
    treatment("Sam Whitlock", time(12, 15), noor, one)
    treatment("Aisha Rahman", time(14), noor, one)
    treatment("Owen Pryce", time(14, 30), noor, two)
    treatment("Karen Wu", time(11), ines, two)
    treatment("Tomas Novak", time(13, 15), ines, three)
    treatment("Freya Holm", time(11, 20), jonas, three)
    treatment("Ruth Adler", time(15, 5), jonas, three)
    short("Olu Bankole", time(12, 20), "review", ines, two)
    short("Grace Finch", time(16), "consultation", ines, two)
    short("Dina Abadi", time(13), "consultation", jonas, two)
    short("Mei Tanaka", time(16), "review", noor, one)
    for name in ("Leila Haddad", "Karen Wu", "Freya Holm", "Ruth Adler", "Olu Bankole"):
        services.step(visit=made[name], to="confirmed", by=by)
    factories.answer(made["Tomas Novak"].patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=170))
    factories.screen_today(made["Tomas Novak"].patient, purpose="booking")
    factories.screen_today(made["Leila Haddad"].patient)
    services.step(visit=made["Leila Haddad"], to="arrived", by=by)
    services.step(visit=made["Leila Haddad"], to="numbing", by=by)
    services.step(visit=made["Karen Wu"], to="arrived", by=by)
    services.cancel(visit=made["Dina Abadi"], reason="Has a cold", by=by)
    Appointment.objects.filter(pk=made["Freya Holm"].pk).update(
        status="in_room", arrived_at=clock.now(), in_room_at=clock.now()
    )


def come_again(visitor: Visitor, width: str, *, dark: bool) -> None:
    """In another window, from the start: what is drawn is decided by script when the page comes."""
    show_in(visitor.page, WIDTHS[width], dark=dark)
    visitor.page.reload()


def look(visitor: Visitor, name: str) -> None:
    visitor.shoot(name)
    assert visitor.axe() == [], name
    assert overflow(visitor.page) <= 0, name


def test_the_day_looks_as_it_should(visitors, desk_member, full_day):
    visitor = visitors().sign_in(desk_member)
    page = visitor.open(f"/today/?visit={full_day['Leila Haddad'].ref}")
    for width, dark in VIEWS:
        come_again(visitor, width, dark=dark)
        if width == "phone":
            expect(page.locator("#day")).to_be_hidden()
            expect(page.locator("#day-list")).to_be_visible()
        else:
            expect(page.locator(".ec a.visit")).to_have_count(12)
            expect(page.locator(".nowtag")).to_have_text("10:42")
            expect(page.locator("#day-list")).to_be_hidden()
        look(visitor, f"day-{width}")


def spot(page, link: str, *, minutes: int = 0, column: int = 0) -> tuple[float, float, float, float]:
    """Where a visit is taken hold of, and where it is dropped: so many minutes later, so many columns further."""
    card = page.locator(link).bounding_box()
    an_hour = page.evaluate("document.querySelector('.ec-slot').offsetHeight")
    a_column = page.locator(".ec-body .ec-day").first.bounding_box()["width"]
    x, y = card["x"] + card["width"] / 2, card["y"] + card["height"] / 2
    return x, y, x + column * a_column, y + minutes / 60 * an_hour


def drag(page, link: str, *, drop: bool = True, **where) -> None:
    from_x, from_y, to_x, to_y = spot(page, link, **where)
    page.mouse.move(from_x, from_y)
    page.mouse.down()
    page.mouse.move(from_x + 8, from_y + 8)
    page.mouse.move(to_x, to_y, steps=4)
    if drop:
        page.mouse.up()


def test_a_press_opens_the_drawer_and_a_drop_saves_nothing_before_it_was_read(visitors, desk_member, full_day):
    ruth, karen = full_day["Ruth Adler"], full_day["Karen Wu"]
    visitor = visitors().sign_in(desk_member)
    page = visitor.open("/today/")
    link = f"#visit-{ruth.ref}"

    page.locator(link).click()
    expect(page.locator("#drawer-title")).to_have_text("Ruth Adler")
    expect(page.locator(link)).to_have_class(re.compile("chosen"))
    assert page.url.endswith(f"?visit={ruth.ref}")

    drag(page, link, minutes=45)
    tray = page.locator("#tray")
    expect(tray.locator("h2")).to_have_text("Move Ruth Adler?")
    expect(tray).to_contain_text("15:05 to 15:50, Jonas Feld and R3 stay")
    expect(tray).to_contain_text("one to Ruth, leaves a minute after you accept")
    visitor.shoot("drop-desk-light")
    assert visitor.axe() == []
    ruth.refresh_from_db()
    assert ruth.starts_at == time(15, 5)

    page.keyboard.press("Escape")
    expect(tray.locator("h2")).to_have_count(0)
    expect(page.locator("#drawer-title")).to_have_text("Ruth Adler")
    expect(page.locator(link)).to_have_attribute("aria-label", re.compile("^15:05"))

    # What has begun stays where it is: nothing is even asked.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    drag(page, f"#visit-{karen.ref}", minutes=120)
    a_round_trip(page)
    assert [url for url in asked if str(karen.ref) in url] == []
    expect(tray.locator("h2")).to_have_count(0)

    drag(page, link, minutes=-15, column=-1)
    expect(tray).to_contain_text("15:05 to 14:50, with Dr Ines Halloran, R3 stays")
    page.keyboard.press("Escape")

    # Refused: a sentence, and the nearest ways out, each a proposal of its own.
    drag(page, link, minutes=60)
    expect(tray).to_contain_text("Jonas Feld works 09:00 to 17:00. Choose another time or clinician.")
    visitor.shoot("drop-refused-desk-light")
    tray.get_by_role("button", name="Tue 9 Mar, 15:30, Jonas Feld, R3").click()
    expect(tray).to_contain_text("15:05 to 15:30")
    page.keyboard.press("Escape")
    expect(tray.locator("h2")).to_have_count(0)

    drag(page, link, minutes=45)
    expect(tray.get_by_role("button", name="Move session 1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Moved to Tue 9 Mar, 15:50 with Jonas Feld")
    ruth.refresh_from_db()
    assert ruth.starts_at == time(15, 50)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("back where it was")
    ruth.refresh_from_db()
    assert ruth.starts_at == time(15, 5)


def test_what_lies_before_her_is_decided_before_another_visit_is_moved(visitors, desk_member, full_day):
    ruth, aisha = (f"#visit-{full_day[name].ref}" for name in ("Ruth Adler", "Aisha Rahman"))
    visitor = visitors().sign_in(desk_member)
    page = visitor.open("/today/")
    tray = page.locator("#tray")
    its_place = page.locator(ruth).bounding_box()

    drag(page, ruth, minutes=-15)
    expect(tray).to_contain_text("15:05 to 14:50, Jonas Feld and R3 stay")
    before = [page.locator(link).bounding_box() for link in (ruth, aisha)]
    drag(page, aisha, minutes=30)
    for place in ("#announcer", "[data-toast]"):
        expect(page.locator(place)).to_contain_text("Decide this first: Move Ruth Adler?")
    expect(tray).to_contain_text("15:05 to 14:50")
    expect(tray.get_by_role("button", name="Move session 1")).to_be_focused()
    assert [page.locator(link).bounding_box() for link in (ruth, aisha)] == before

    # The same visit may be dragged on: from the time and the column it had been put in.
    drag(page, ruth, minutes=10, column=-1)
    expect(tray).to_contain_text("15:05 to 15:00, with Dr Ines Halloran")
    drag(page, ruth, minutes=-10)
    expect(tray).to_contain_text("15:05 to 14:50, with Dr Ines Halloran")
    page.keyboard.press("Escape")
    expect(tray.locator("h2")).to_have_count(0)
    assert page.locator(ruth).bounding_box() == its_place

    # Where the second question gets no answer it goes back as well.
    drag(page, ruth, minutes=-15)
    expect(tray).to_contain_text("15:05 to 14:50")
    page.route("**/drop/**", lambda route: route.abort())
    drag(page, ruth, minutes=10)
    expect(page.get_by_role("alert")).to_contain_text("did not answer")
    expect(tray.locator("h2")).to_have_count(0)
    assert page.locator(ruth).bounding_box() == its_place
    page.unroute("**/drop/**")
    # htmx writes that into the console, and here it is no fault.
    assert [fault for fault in visitor.faults if "htmx:" not in fault] == []
    visitor.faults.clear()

    # An answer that comes when it was put back already is for nobody.
    waits: list[Route] = []
    page.route("**/drop/**", lambda route: waits.append(route))
    with page.expect_request("**/drop/**"):
        drag(page, ruth, minutes=-15)
    page.keyboard.press("Escape")
    assert page.locator(ruth).bounding_box() == its_place
    with page.expect_response("**/drop/**") as answered:
        waits[0].continue_()
    answered.value.finished()
    a_round_trip(page)
    expect(tray.locator("h2")).to_have_count(0)


def test_what_one_desk_changes_the_other_sees_without_a_drag_being_disturbed(
    visitors, desk_member, clinician_member, full_day
):
    """Two desks. The second is asked for nothing: it follows by itself, and shows what came only when nobody drags."""
    by, ruth, olu, grace = desk_member.user, full_day["Ruth Adler"], full_day["Olu Bankole"], full_day["Grace Finch"]
    one = visitors().sign_in(desk_member)
    second = visitors(own_clock=True).sign_in(clinician_member)
    second.page.clock.install()
    two = second.open(f"/today/?visit={grace.ref}")
    expect(two.locator("#drawer-title")).to_have_text("Grace Finch")
    two.locator(f"#visit-{ruth.ref}").focus()
    assert answer_after_a_while(two) == 304

    first = one.open(f"/today/?visit={olu.ref}")
    first.get_by_role("button", name="Arrived").click()
    expect(first.locator("[data-toast]")).to_contain_text("arrived")
    assert answer_after_a_while(two) == 200
    expect(two.locator(f"#visit-{olu.ref}")).to_have_class(re.compile(r"\bhere\b"))
    expect(two.locator("#drawer-title")).to_have_text("Grace Finch")
    expect(two.locator(f"#visit-{ruth.ref}")).to_be_focused()

    link = f"#visit-{ruth.ref}"
    drag(two, link, minutes=45, drop=False)
    expect(two.locator(".ec-preview")).to_have_count(1)
    services.step(visit=grace, to="confirmed", by=by)
    assert answer_after_a_while(two) == 200
    under = "([x, y]) => Boolean(document.elementFromPoint(x, y)?.closest('.ec-main'))"
    assert two.evaluate(under, list(spot(two, ".ec-preview a")[:2]))
    expect(two.locator(".ec-preview")).to_have_count(1)
    expect(two.locator(f"#visit-{grace.ref}")).to_have_class(re.compile("unconfirmed"))
    two.mouse.up()
    expect(two.locator("#tray h2")).to_have_text("Move Ruth Adler?")
    expect(two.locator(f"#visit-{grace.ref}")).to_have_class(re.compile("unconfirmed"))
    two.keyboard.press("Escape")
    expect(two.locator(f"#visit-{grace.ref}")).not_to_have_class(re.compile("unconfirmed"))


def answer_after_a_while(page) -> int:
    """What the page is told when it next asks by itself what has changed."""
    with page.expect_response(lambda answer: "visits.json" in answer.url) as answered:
        page.clock.fast_forward(NEXT_ASK_MS)
    return answered.value.status


def test_a_desk_that_hears_nothing_says_since_when_and_goes_on_by_itself(visitors, desk_member, full_day):
    visitor = visitors(own_clock=True).sign_in(desk_member)
    visitor.page.clock.install()
    page = visitor.open("/today/")
    page.route("**/visits.json*", lambda route: route.abort())
    page.clock.fast_forward(NEXT_ASK_MS)
    says = page.locator("[data-follow-says]")
    expect(says).to_contain_text(re.compile(r"Not up to date since \d\d:\d\d"))
    page.unroute("**/visits.json*")
    # After a failure it asks again by itself.
    assert answer_after_a_while(page) == 304
    expect(says).to_be_hidden()
    # Signed out elsewhere: covered, and said.
    page.context.clear_cookies()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#lock")).to_be_visible()
    expect(page.locator("#lock").get_by_role("link", name="Sign in, in a new tab")).to_be_visible()
    expect(says).to_contain_text("signed out")


def test_keys_lead_into_a_column_and_arrows_from_visit_to_visit(visitors, desk_member, full_day):
    page = visitors().sign_in(desk_member).open("/today/")
    expect(page.locator(".ec a.visit")).to_have_count(12)

    def here() -> str:
        return page.evaluate("document.activeElement.querySelector('b .long')?.textContent")

    page.keyboard.press("1")
    assert here() == "Sam Whitlock"
    page.keyboard.press("ArrowDown")
    assert here() == "Aisha Rahman"
    page.keyboard.press("ArrowRight")
    assert here() == "Tomas Novak"
    page.keyboard.press("2")
    assert here() == "Olu Bankole"
    # Tab goes by time.
    starts = page.evaluate(
        "[...document.querySelectorAll('.ec a.visit')].map(link => link.getAttribute('aria-label').slice(0, 5))"
    )
    assert starts == sorted(starts)
    page.keyboard.press("Enter")
    expect(page.locator("#drawer-title")).to_have_text("Olu Bankole")


def test_a_week_of_one_and_of_everybody(visitors, desk_member, full_day):
    visitor = visitors().sign_in(desk_member)
    for width, dark in VIEWS:
        page = visitor.open("/calendar/")
        come_again(visitor, width, dark=dark)
        if width != "phone":
            expect(page.locator(".ec a.visit")).to_have_count(12)
        look(visitor, f"week-all-{width}")
        page.locator("select[name=who]").select_option(label="Jonas Feld")
        page.wait_for_url("**who=**")
        if width == "phone":
            expect(page.locator("#week-list")).to_be_visible()
            page.get_by_role("link", name="Ruth Adler").click()
        else:
            expect(page.locator(".ec a.visit")).to_have_count(3)
            look(visitor, f"week-one-{width}")
            link = f"#visit-{full_day['Ruth Adler'].ref}"
            if width == "desk":
                drag(page, link, column=1)
                expect(page.locator("#tray")).to_contain_text(
                    "Tue 9 Mar, 15:05 to Wed 10 Mar, 15:05, Jonas Feld and R3 stay"
                )
                visitor.shoot("week-drop-desk")
                page.keyboard.press("Escape")
            page.locator(link).click()
        page.wait_for_url("**/today/**")
        expect(page.locator("#drawer-title")).to_have_text("Ruth Adler")
