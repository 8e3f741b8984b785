"""Every key of the desk, pressed: what it does on the page that offers it, and that it does nothing while somebody types."""

import re
from collections.abc import Iterator
from datetime import time, timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from clinic import clock
from tests import factories
from tests.factories import TODAY
from tests.fixtures.browser import a_round_trip, wrong_in_every_view
from treatments.appointments import services
from treatments.appointments.models import Appointment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
# The keyboard map of the desk, as the list under `?` writes it.
MAP = {
    "/",
    "T",
    "[",
    "]",
    "1",
    "N",
    "C",
    "R",
    "A",
    "B",
    "I",
    "D",
    "X",
    "Y",
    "M",
    "F",
    "O",
    "P",
    "W",
    "U",
    "G L",
    "?",
    "Enter",
    "Esc",
}

UNREACHABLE = """[...document.querySelectorAll("[data-key]")].filter((one) => one.checkVisibility() && !/^[1-9]$/.test(one.dataset.key)
    && !(one.matches("a[href], button:not([disabled]), input") && one.tabIndex >= 0)).map((one) => one.outerHTML)"""


@pytest.fixture
def mine(clinic, visit_today):
    """Leila at eleven, for session 1 of 4; at one somebody else, so that there is an hour free between them."""
    place = factories.a_place(clinic, TODAY, time(13), kind="consultation")
    by = factories.a_manager(clinic).user
    services.book(patient=factories.make_patient(clinic), kind="consultation", place=place, by=by)
    return visit_today


@pytest.fixture
def page(visitors, desk_member, mine) -> Iterator[Page]:
    who = visitors(own_clock=True).sign_in(desk_member)
    page = who.open("/today/")
    expect(page.locator(f"#visit-{mine.ref}")).to_be_visible()
    yield page
    # Nothing is on its way any more when the tables are emptied.
    who.come_to_rest()


def open_drawer(page: Page, mine: Appointment) -> None:
    page.locator(f"#visit-{mine.ref}").click()
    expect(page.locator("#drawer-title")).to_have_text("Leila Haddad")


def lead(page: Page, key: str, to: str) -> None:
    """The key leads to another page."""
    for part in key.split():
        page.keyboard.press(part)
    page.wait_for_url(re.compile(to))
    page.wait_for_load_state()


def step(page: Page, key: str, said: str, mine: Appointment, status: str) -> None:
    """The key does something to the visit, and the page comes back with the visit open."""
    with page.expect_navigation():
        page.keyboard.press(key)
    expect(page.locator("[data-toast]")).to_contain_text(said)
    mine.refresh_from_db()
    assert mine.status == status


def listed(page: Page) -> dict[str, dict[str, str]]:
    """What the list under `?` says: by heading, key to words."""
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    found = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("#keys h3")].map((title) => [title.textContent,
        Object.fromEntries([...title.nextElementSibling.querySelectorAll("dt")].map((term) =>
            [term.textContent.trim().replace(/\\s+/g, " "), term.nextElementSibling.textContent]))]))"""
    )
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    return found


def test_the_keys_that_lead_somewhere(page, mine):
    here = f"/today/?visit={mine.ref}"
    lead(page, "]", "day=2027-03-10")
    lead(page, "[", r"/today/(\?day=2027-03-09)?$")
    lead(page, "p", "/today/sheet/")
    lead(page, "t", r"/today/$")
    lead(page, "n", "/patients/new/")
    # The form begins in its first field: what is pressed there is written there.
    page.evaluate("document.activeElement.blur()")
    lead(page, "g l", "/messages/")
    page.goto(page.url.split("/messages/")[0] + here)
    lead(page, "c", f"/plans/{mine.planned_session.plan.ref}/")
    page.go_back()
    lead(page, "m", f"/visits/{mine.ref}/move/")
    page.go_back()
    lead(page, "r", "/plans/sessions/.*/book/")
    page.go_back()
    expect(page.locator(".gap").first).to_be_visible()
    lead(page, "f", "/gaps/")


def test_the_keys_that_move_a_visit_on_and_take_it_back(page, mine):
    open_drawer(page, mine)
    step(page, "y", "Leila Haddad confirmed", mine, "confirmed")
    step(page, "u", "Undone", mine, "booked")
    step(page, "a", "arrived", mine, "arrived")
    step(page, "b", "Numbing", mine, "numbing")
    # Undo also when the toast is gone: the drawer takes the last step back.
    page.locator("[data-toast]").evaluate("toast => toast.remove()")
    step(page, "u", "Undone", mine, "arrived")
    step(page, "i", "room", mine, "in_room")
    step(page, "d", "done", mine, "done")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("[data-toast]")).to_contain_text("Session 2 booked for")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer-title")).to_have_count(0)


def test_no_show_and_the_column(page, clinic, mine, later):
    later(timedelta(minutes=40))
    page.reload()
    expect(page.locator(f"#visit-{mine.ref}")).to_be_visible()
    page.keyboard.press("1")
    focused = page.evaluate("document.activeElement.closest('.visit')?.id")
    assert focused == f"visit-{mine.ref}"
    page.keyboard.press("Enter")
    expect(page.locator("#drawer-title")).to_have_text("Leila Haddad")
    step(page, "x", "did not come", mine, "no_show")


def test_nothing_happens_while_somebody_types_nor_when_keys_are_off(page, mine):
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.keyboard.type("t[]nafp?1u")
    expect(page.locator("[data-search]")).to_have_value("t[]nafp?1u")
    page.evaluate("document.activeElement.blur()")
    # A shortcut of the browser is not ours, and a key held down was pressed once.
    for chord in ("Control+a", "Alt+n", "Meta+p"):
        page.keyboard.press(chord)
    page.evaluate("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 't', repeat: true, bubbles: true}))")
    page.evaluate("document.cookie = 'keys=off; path=/'")
    for key in ("n", "]", "f", "?", "u"):
        page.keyboard.press(key)
    expect(page.locator("#keys")).to_be_hidden()
    a_round_trip(page)
    # What she types is looked for, and the page follows the day: no more than these.
    searched_and_followed = {reverse("patients:find"), reverse("treatments:visits_json")}
    assert {path for path in asked if not path.startswith("/static/")} <= searched_and_followed


def test_the_list_names_every_key_and_only_those_that_work_as_here(page, mine):
    on_today = listed(page)
    assert on_today.keys() == {"On this page", "Elsewhere"}
    assert set(on_today["On this page"]) | set(on_today["Elsewhere"]) == MAP
    assert set(on_today["On this page"]) == {"/", "T", "[", "]", "1", "N", "F", "P", "W", "?", "G L"}
    open_drawer(page, mine)
    with_drawer = listed(page)["On this page"]
    assert set(with_drawer) - set(on_today["On this page"]) == {"A", "Y", "C", "M", "Enter", "R", "Esc"}
    assert (with_drawer["A"], with_drawer["Esc"]) == ("Arrived", "Close the drawer")
    factories.arrive(mine)
    page.reload()
    arrived = listed(page)["On this page"]
    assert {"B", "I", "U"} <= set(arrived)
    assert "A" not in arrived
    assert arrived["U"] == "Undo arrived"
    # Each stands on something that Tab reaches as well; the columns are reached by their visits.
    assert page.evaluate(UNREACHABLE) == []
    # Nothing to see for the key of a new patient until Tab comes to it.
    skip = page.get_by_role("navigation", name="Main").get_by_role("link", name="Register a patient")
    skip.focus()
    expect(skip).to_be_in_viewport(ratio=1)


def test_the_list_of_keys_is_readable_at_every_width(visitors, desk_member, mine):
    who = visitors().sign_in(desk_member)
    page = who.open(f"/today/?visit={mine.ref}")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    assert wrong_in_every_view(who, "keys") == []
    who.come_to_rest()


def test_the_numbing_clock_counts_on_and_says_ready_in_a_word(page, mine, later):
    factories.arrive(mine)
    services.step(visit=Appointment.objects.get(pk=mine.pk), to="numbing", by=factories.a_manager(mine.clinic).user)
    later(timedelta(minutes=12))
    page.clock.install(time=clock.now())
    page.goto(page.url.split("?")[0] + f"?visit={mine.ref}")
    line = page.locator("[data-numbing-line] span")
    expect(line).to_have_text("Numbing, 12 of 30 min")
    page.clock.run_for(6 * 60_000)
    expect(line).to_have_text("Numbing, 18 of 30 min")
    page.clock.run_for(15 * 60_000)
    expect(line).to_have_text("Numbing is ready, 33 of 30 min")
    expect(page.locator(f"#visit-{mine.ref}")).to_contain_text("ready, 33 of 30 min")
