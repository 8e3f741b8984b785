"""The parts as people meet them: readable in both themes, at desk, tablet and phone, without a mouse, without a network."""

import re
from types import SimpleNamespace

import pytest
from playwright.sync_api import Route, expect

from tests.fixtures.browser import a_round_trip, overflow, show_in, violations, wrong_in_every_view

pytestmark = pytest.mark.browser
DESK, TABLET, PHONE, ZOOMED = (1280, 900), (820, 1180), (390, 844), (640, 400)
# By then a note that did not arrive has been sent once more, however often that failed.
AGAIN_AT_THE_LATEST_MS = 16_000


@pytest.mark.parametrize("path", ["/look/parts/", "/look/parts/?errors=1", "/look/shell/", "/accounts/login/"])
def test_every_part_passes_the_accessibility_rules_in_both_themes(show, path):
    page = show(path, size=DESK)
    assert violations(page) == []
    show_in(page, DESK, dark=True)
    assert violations(page) == []


def test_the_accessibility_rules_do_find_a_fault_when_there_is_one(show):
    page = show("/look/shell/?quiet")
    page.evaluate("document.querySelector('[data-search]').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('[data-search]').removeAttribute('placeholder')")

    assert violations(page) != []


def test_who_prefers_the_dark_is_met_by_it(show):
    page = show("/look/shell/?quiet", theme="dark")

    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def style(page, rules: str) -> None:
    """A style sheet of a test's own, by the one way that the policy leaves open."""
    page.evaluate(
        "rules => { const sheet = new CSSStyleSheet(); sheet.replaceSync(rules); document.adoptedStyleSheets = [sheet]; }",
        rules,
    )


def test_a_fault_of_the_dark_alone_is_found_in_a_page_that_came_in_the_light(show):
    page = show("/look/shell/?quiet", size=DESK)
    style(page, "[data-bs-theme=dark] h1 { color: #333; background: black; }")

    assert violations(page) == []
    show_in(page, DESK, dark=True)
    assert {found.partition(":")[0] for found in violations(page)} == {"color-contrast"}


def test_what_only_a_phone_is_too_narrow_for_is_found_in_a_page_that_came_to_a_desk(show):
    page = show("/look/shell/?quiet", size=DESK)
    style(page, "@media (max-width: 500px) { h1 { min-width: 600px; } }")

    assert overflow(page) <= 0
    show_in(page, PHONE, dark=False)
    assert overflow(page) > 0


def test_every_view_is_looked_at_and_the_last_is_a_desk_in_the_light(show):
    page = show("/look/shell/?quiet", size=DESK)
    faint = "color: #333; background: black;"
    dark, narrow = f"[data-bs-theme=dark] h1 {{ {faint} }}", f"h1 {{ {faint} min-width: 600px; }}"
    style(page, f"{dark} @media (max-width: 500px) {{ {narrow} }}")
    who = SimpleNamespace(page=page, shoot=lambda name: None, axe=lambda: violations(page))

    found = [wrong.partition(": <")[0] for wrong in wrong_in_every_view(who, "shell", axe_on_phone=True)]

    assert found[:2] == ["shell-tablet-dark: color-contrast", "shell-phone-light: color-contrast"]
    assert re.fullmatch(r"shell-phone-light: \d+ px wider than its window", found[2])
    assert len(found) == 3
    assert (page.viewport_size["width"], page.evaluate("document.documentElement.dataset.bsTheme")) == (1280, "light")
    asked_less = wrong_in_every_view(who, "shell")
    assert [wrong.partition(": <")[0] for wrong in asked_less] == [found[0], found[2]]


@pytest.mark.parametrize("path", ["/look/parts/", "/look/shell/"])
def test_who_prefers_less_motion_sees_every_change_at_once(show, path):
    """A colour or a place that went over step by step would be neither the one nor the other while it is looked at."""
    page = show(path)
    moving = (
        "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration !== '0s').length"
    )
    assert page.evaluate(moving) == 0
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) > 0


@pytest.mark.parametrize("path", ["/look/parts/", "/look/shell/"])
def test_no_page_is_wider_than_its_window(show, path):
    page = show(path)
    for size in (DESK, TABLET, PHONE, ZOOMED):
        show_in(page, size, dark=False)
        assert overflow(page) <= 0, size


def test_the_chosen_theme_is_there_before_the_next_page_is_drawn(show):
    page = show("/look/shell/?quiet")
    page.locator("summary", has_text="Tess Moran").click()
    page.click("[data-theme-switch] button[value=dark]")

    answer = page.request.get(page.url)

    assert 'data-bs-theme="dark"' in answer.text()


def test_the_rail_lies_down_on_a_tablet_and_hides_its_links_behind_a_button_on_a_phone(show):
    tablet, phone = show("/look/shell/?quiet", size=TABLET), show("/look/shell/?quiet", size=PHONE)

    assert tablet.locator(".rail").bounding_box()["width"] == 820
    expect(tablet.get_by_role("link", name="Settings")).to_be_visible()
    expect(phone.get_by_role("link", name="Settings")).to_be_hidden()
    phone.get_by_role("button", name="Menu").click()
    expect(phone.get_by_role("link", name="Settings")).to_be_visible()


def test_a_slash_finds_the_search_field_and_types_itself_inside_it(show):
    page = show("/look/shell/?quiet")
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search patients")

    expect(search).to_be_focused()
    page.keyboard.type("1/2r")
    expect(search).to_have_value("1/2r")
    expect(page.locator("#rebook")).to_be_hidden()


def test_a_key_acts_and_can_be_switched_off(show):
    page = show("/look/shell/?quiet")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Rebook session 3?")).to_be_visible()
    page.keyboard.press("Escape")

    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("Rebook")
    page.get_by_role("checkbox", name="Single keys act").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("r")

    expect(page.locator("#rebook")).to_be_hidden()


def test_an_arrow_turns_the_page_only_when_nothing_else_has_the_focus(show):
    page = show("/look/shell/?quiet")
    page.evaluate("""() => {
        const next = Object.assign(document.createElement("a"), { href: "#next", textContent: "Next day" });
        next.dataset.key = "ArrowRight";
        document.querySelector("main").append(next);
    }""")
    page.get_by_label("Note").press("ArrowRight")
    page.get_by_role("button", name="Other times").focus()
    page.keyboard.press("ArrowRight")
    assert not page.url.endswith("#next")
    page.evaluate("document.cookie = 'keys=off; path=/'; document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    assert not page.url.endswith("#next")
    page.evaluate("document.cookie = 'keys=on; path=/'")

    page.keyboard.press("ArrowRight")

    assert page.url.endswith("#next")


@pytest.mark.parametrize(("status", "words"), [(400, "This could not be done"), (403, "You may not do this")])
def test_an_answer_that_refuses_is_not_called_a_silence(show, status, words):
    page = show("/look/shell/?quiet")
    page.route("**/look/slots/", lambda route: route.fulfill(status=status, body="no"))

    page.get_by_role("button", name="Other times").click()

    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.get_by_role("alert")).not_to_contain_text("did not answer")


def test_the_toast_can_be_undone_by_its_key(show):
    page = show("/look/shell/")
    expect(page.locator("[data-toast]")).to_contain_text("Session 3 moved")

    # Not only until it is asked for: a window that is closed on its way to another page may never close.
    with page.expect_navigation() as way:
        page.keyboard.press("u")
    assert way.value.request.method == "POST"
    assert page.url.endswith("/look/shell/")


def test_an_error_stands_in_the_page_and_never_in_a_toast(show):
    page = show("/look/shell/")

    expect(page.locator("main [role=alert]")).to_contain_text("Just taken")
    expect(page.locator("#toasts")).not_to_contain_text("Just taken")


def test_a_why_opens_beside_its_number_and_closes_with_escape(show):
    page = show("/look/shell/?quiet")
    link = page.get_by_role("button", name="Why 28?")
    link.click()
    source = page.locator("#why-28")

    expect(source).to_be_visible()
    expect(link).to_have_attribute("aria-expanded", "true")
    assert source.bounding_box()["x"] >= link.bounding_box()["x"] + link.bounding_box()["width"]
    page.keyboard.press("Escape")
    expect(source).to_be_hidden()
    expect(link).to_be_focused()


def test_waiting_says_what_for_and_a_conflict_is_shown_where_the_work_is(show):
    page = show("/look/shell/?quiet")
    asked: list[Route] = []
    page.route("**/look/slots/", lambda route: asked.append(route))
    page.get_by_role("button", name="Other times").click()
    expect(page.locator("#list [role=status]")).to_contain_text("Looking through 26 weeks")
    asked[0].continue_()
    page.unroute("**/look/slots/")
    expect(page.locator("#list")).to_contain_text("Three sets fit")
    expect(page.locator("#list")).not_to_contain_text("Looking")

    page.get_by_role("button", name="Hold").click()

    expect(page.locator("#list")).to_contain_text("Just taken")


def test_a_lost_network_leaves_a_sentence_and_a_way_to_try_again(show):
    page = show("/look/shell/?quiet")
    page.route("**/look/slots/", lambda route: route.abort())
    page.get_by_role("button", name="Other times").click()
    expect(page.get_by_role("alert")).to_contain_text("did not answer")
    page.unroute("**/look/slots/")

    page.get_by_role("button", name="Try again").click()

    expect(page.locator("#list")).to_contain_text("Three sets fit")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_note_is_saved_as_it_is_typed_and_carries_its_version_on(show):
    page = show("/look/shell/?quiet")
    page.get_by_label("Note").press_sequentially("redness even")

    expect(page.locator("[data-save-state]")).to_contain_text("Saved 10:56")
    expect(page.locator("input[name=version]")).to_have_value("2")


def test_a_note_outlives_a_network_that_comes_and_goes(show):
    page = show("/look/shell/?quiet", own_clock=True)
    page.route("**/look/autosave/", lambda route: route.abort())
    page.get_by_label("Note").press_sequentially("redness")
    page.clock.run_for(1_000)
    state = page.locator("[data-save-state]")
    expect(state).to_contain_text("Not saved yet")
    expect(state).to_contain_text("keep this page open")
    expect(page.get_by_label("Note")).to_have_value("redness")
    page.unroute("**/look/autosave/")

    page.clock.run_for(AGAIN_AT_THE_LATEST_MS)

    expect(state).to_contain_text("Saved 10:56")


def test_a_refused_note_says_why_and_is_not_sent_over_and_over(show):
    page = show("/look/shell/?quiet", own_clock=True)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if "autosave" in request.url else None)
    page.get_by_label("Note").press_sequentially("wrong")
    page.clock.run_for(1_000)
    expect(page.locator("[data-save-state]")).to_contain_text("signed already")
    already = len(sent)

    page.clock.run_for(AGAIN_AT_THE_LATEST_MS)
    a_round_trip(page)

    assert len(sent) == already


def test_nothing_clinical_is_left_in_the_browser(show):
    page = show("/look/shell/?quiet")
    page.get_by_label("Note").press_sequentially("redness")
    page.get_by_role("button", name="Other times").click()
    expect(page.locator("#list")).to_contain_text("Three sets fit")

    kept = page.evaluate("({...localStorage, ...sessionStorage})")

    # htmx remembers the address it was on, and addresses hold no more than a random ref.
    assert set(kept) <= {"htmx-current-path-for-history"}
    assert {cookie["name"] for cookie in page.context.cookies()} <= {
        "scheme",
        "theme",
        "keys",
        "stratum_csrf",
        "stratum_session",
    }


def test_a_screen_left_alone_is_covered_over_its_draft(show):
    page = show("/look/shell/?quiet&idle=0.001")

    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    expect(page.get_by_label("Note")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    page.get_by_role("button", name="I have signed in").click()
    expect(page.get_by_label("Note")).to_be_visible()


def test_a_page_that_only_a_post_leads_to_opens_again_with_its_draft(show):
    page = show("/look/shell/?quiet")
    page.evaluate("""() => {
        const form = document.createElement("form");
        Object.assign(form, { method: "post", action: "/look/refused/?quiet&idle=0.001" });
        form.append(Object.assign(document.createElement("input"), { name: "csrfmiddlewaretoken", value: document.body.dataset.csrf }));
        document.body.append(form);
        form.submit();
    }""")
    page.wait_for_url("**/look/refused/**")
    assert page.request.get(page.url).status == 405
    page.get_by_label("Note").evaluate("note => { note.value = 'redness even'; }")
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()

    page.get_by_role("button", name="I have signed in").click()

    expect(page.get_by_label("Note")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("redness even")


def minutes_until_the_lock(page) -> float:
    """From what the warning announces; hours and minutes only, so to the minute."""
    said = page.locator("[data-idle-at]").inner_text()
    return page.evaluate(
        "said => { const at = new Date(); at.setHours(...said.split(':'), 0, 0); return (at - Date.now()) / 60000; }",
        said,
    )


def test_the_announced_time_runs_from_what_the_server_counted_not_from_the_page(show):
    page = show("/look/shell/?quiet&idle=10&used=570")
    expect(page.get_by_role("heading", name="Still there?")).to_be_visible()

    assert -1 <= minutes_until_the_lock(page) <= 0.5


def test_a_tap_that_did_not_reach_the_server_puts_nothing_off(show):
    page = show("/look/shell/?quiet&idle=10&used=570", own_clock=True)
    expect(page.get_by_role("heading", name="Still there?")).to_be_visible()
    page.route("**/keep-alive/", lambda route: route.abort())
    page.get_by_role("button", name="Stay signed in").click()
    expect(page.get_by_role("heading", name="Still there?")).to_be_hidden()
    page.clock.run_for(6_000)  # one look at the clock later
    expect(page.get_by_role("heading", name="Still there?")).to_be_visible()
    page.unroute("**/keep-alive/")
    with page.expect_response("**/keep-alive/"):
        page.get_by_role("button", name="Stay signed in").click()
    page.evaluate("fetch('/look/slots/').then(later => later.text())")  # by then the page has read the answer too

    page.clock.run_for(6_000)

    # Not waited for: half a minute later the lock would hide it too.
    assert page.get_by_role("heading", name="Still there?").is_hidden()


def test_a_tap_before_the_limit_keeps_the_screen_open(show):
    page = show("/look/shell/?quiet&idle=1")
    expect(page.get_by_role("heading", name="Still there?")).to_be_visible()

    with page.expect_request("**/keep-alive/"):
        page.get_by_role("button", name="Stay signed in").click()

    expect(page.get_by_role("heading", name="Still there?")).to_be_hidden()


def test_a_signature_drawn_by_hand_becomes_a_path(show):
    page = show("/look/parts/")
    pad = page.locator("[data-signature] canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 60, steps=5)
    page.mouse.up()
    path = page.locator("[data-signature-path]")

    assert re.fullmatch(r"(M\d+ \d+(L\d+ \d+)+)+", path.input_value())
    page.get_by_role("button", name="Clear and sign again").click()
    expect(path).to_have_value("")


def test_a_stroke_that_leaves_the_box_stays_within_it_on_paper(show):
    page = show("/look/parts/")
    pad = page.locator("[data-signature] canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] - 60, box["y"] - 60, steps=5)
    page.mouse.move(box["x"] + box["width"] + 60, box["y"] + box["height"] + 60, steps=5)
    page.mouse.up()

    numbers = [int(number) for number in re.findall(r"-?\d+", page.locator("[data-signature-path]").input_value())]

    assert (min(numbers[::2]), max(numbers[::2]), min(numbers[1::2]), max(numbers[1::2])) == (0, 600, 0, 200)


def test_the_depth_that_needs_a_reason_asks_for_it(show):
    page = show("/look/parts/")
    reason = page.locator("#why-deeper")
    expect(reason).to_be_hidden()

    page.locator("label.pill", has_text="1.50").click()

    expect(reason).to_be_visible()


def test_a_booked_block_moves_by_arrow_keys_and_asks_the_server_what_that_would_do(show):
    page = show("/look/parts/")
    page.route(
        "**/parts/preview/**", lambda route: route.fulfill(body='<section class="tray" id="tray">asked</section>')
    )
    block = page.get_by_role("slider", name="Session 3")
    block.focus()

    with page.expect_request(lambda request: request.url.endswith("/parts/preview/?session=three&on=2027-05-06")):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")

    expect(block).to_have_attribute("aria-valuetext", "Thursday 6 May")


def test_what_a_finger_must_hit_is_large_enough_on_the_face_and_by_name(show):
    page = show("/look/parts/", size=TABLET)

    for name in ("Temples", "Jawline", "Mouth"):
        box = page.locator(".zonelist a", has_text=name).bounding_box()
        assert box["height"] >= 48
        assert box["width"] >= 48
