"""Browser contexts go from one test to the next: emptied, or not at all. And a page is left when it has come to rest."""

import pytest

from tests.fixtures.browser import DOOR, Contexts, Visitor

pytestmark = pytest.mark.browser


@pytest.fixture
def room(contexts, look_url):
    """Contexts of this test's own, and where their doorkeeper stands."""
    return Contexts(contexts.browser), look_url + DOOR


def a_page_in(context, look_url):
    page = context.new_page()
    page.goto(look_url + "/look/shell/?quiet")
    return page


def test_who_comes_later_finds_no_page_no_cookie_no_permission_and_no_lost_network_of_who_was_there_before(
    room, look_url
):
    lent, door = room
    context = lent.lend(door)
    page = a_page_in(context, look_url)
    page.evaluate("document.cookie = 'keys=off; path=/'")
    context.grant_permissions(["clipboard-read"])
    context.set_offline(True)
    lent.take_back(context)
    assert page.is_closed()

    assert lent.lend(door) is context
    later = a_page_in(context, look_url)
    assert len(context.pages) == 2
    assert "keys" not in later.evaluate("document.cookie")
    allowed = later.evaluate("navigator.permissions.query({ name: 'clipboard-read' }).then((found) => found.state)")
    assert allowed != "granted"
    context.close()


def test_two_at_once_share_nothing(room, look_url):
    lent, door = room
    one, other = lent.lend(door), lent.lend(door)
    a_page_in(one, look_url).evaluate("document.cookie = 'keys=off; path=/'")
    assert "keys" not in a_page_in(other, look_url).evaluate("document.cookie")
    one.close()
    other.close()


LEFT = {
    "kept in the browser": lambda page: page.evaluate("localStorage.setItem('a', 'b')"),
    "a database": lambda page: page.evaluate(
        "new Promise((done) => { indexedDB.open('a').onsuccess = () => done(); })"
    ),
    "a store of answers": lambda page: page.evaluate("caches.open('a').then(() => null)"),
    "a clock of its own": lambda page: page.clock.install(),
}


@pytest.mark.parametrize("left", LEFT)
def test_a_context_in_which_something_stays_is_lent_to_nobody(room, look_url, left):
    lent, door = room
    context = lent.lend(door)
    LEFT[left](a_page_in(context, look_url))
    lent.take_back(context)
    another = lent.lend(door)
    assert another is not context
    another.close()


def test_a_page_has_come_to_rest_when_the_last_answer_is_there(room, look_url):
    lent, door = room
    context = lent.lend(door)
    who, held, answered = Visitor(context, look_url, None), [], []
    who.open("/look/shell/?quiet")
    who.page.route("**/late/", lambda route: held.append(route))
    who.page.on("response", lambda answer: answered.append(answer.url))
    who.page.on("console", lambda word: held.pop().fulfill(body="here"))
    who.page.evaluate("() => { fetch('/late/'); setTimeout(() => console.log('now'), 200); }")

    who.come_to_rest()

    assert look_url + "/late/" in answered
    context.close()
