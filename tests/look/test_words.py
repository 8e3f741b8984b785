"""Days, times, amounts and glyphs in the house's words; error pages that need nothing."""

import ast
import re
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.contrib.staticfiles import finders
from django.template import Context, Template, loader
from django.test import RequestFactory
from django.utils import timezone
from django.utils.safestring import mark_safe

from clinic.error_pages import bad_request, forbidden, not_found, server_error
from clinic.templatetags import clinic_drawing as drawing
from clinic.templatetags import clinic_ui as ui
from treatments.pages.findings import BANNERS
from treatments.pages.patient import aftercare_days

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SUNDAY_BEFORE = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
SUNDAY_AFTER = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


def test_days_read_as_people_say_them():
    assert ui.day(date(2027, 4, 20)) == "Tue 20 Apr"
    assert ui.long_day(date(2027, 4, 20)) == "Tuesday 20 April 2027"
    assert ui.date_words(date(2027, 3, 14)) == "14 March"
    assert ui.day(None) == ""


def test_times_are_shown_in_the_clinics_zone_on_both_sides_of_a_clock_change():
    with timezone.override(ZoneInfo("Europe/London")):
        assert ui.clock(SUNDAY_BEFORE) == "00:30"
        assert ui.clock(SUNDAY_AFTER) == "02:30"
        assert ui.day_clock(SUNDAY_AFTER) == "Sun 28 Mar, 02:30"
    assert ui.clock(time(9, 5)) == "09:05"


def test_an_age_turns_on_the_birthday_and_not_the_day_before():
    born = date(1992, 6, 9)
    assert ui.age_words(born, date(2027, 6, 8)) == "34 years"
    assert ui.age_words(born, date(2027, 6, 9)) == "35 years"
    assert ui.age_words(1) == "1 year"


@pytest.mark.parametrize(("days", "words"), [(0, "today"), (1, "1 day old"), (38, "38 days old"), (None, "")])
def test_an_answer_says_how_old_it_is(days, words):
    assert ui.days_old(days) == words


def test_two_in_a_lane_are_written_with_initial_and_surname():
    assert ui.initial_surname("Aisha Rahman") == "A. Rahman"
    assert ui.initial_surname("Maria del Mar Ortiz") == "M. Ortiz"
    assert ui.initial_surname("Cher") == "Cher"


def test_the_dots_say_what_they_show():
    dots = [{"number": n, "state": s} for n, s in enumerate(("done", "now", "booked", "booked"), 1)]
    assert ui.dots_summary(dots) == "Session 1 done, 2 now, 3 and 4 booked"
    assert ui.dots_summary([]) == "No sessions planned"


@pytest.mark.parametrize(("depth", "step"), [(0.25, 1), (0.3, 2), (0.5, 2), (1.25, 5), (1.5, 6), (2.5, 6)])
def test_a_depth_has_its_stratum(depth, step):
    assert drawing.depth_step(depth) == step


def test_the_gauge_grows_where_the_cap_lies_deeper():
    shallow, deep = drawing.gauge(1.25, 1.0, 1.5), drawing.gauge(1.25, None, 2.5)
    assert shallow["cap_y"] == drawing.GAUGE_TOP + drawing.GAUGE_HEIGHT
    assert [mark["text"] for mark in deep["marks"]] == ["0.00", "1.00", "2.00", "3.00"]
    assert shallow["spoken"] == "Depth today 1.25 mm, last time 1.00 mm, device cap 1.50 mm"


def test_a_form_shown_again_keeps_the_token_it_came_with():
    template = Template("{% load clinic_ui %}{% submit_token %}")
    kept = "0b0f6f6e-4a8e-4a7c-9a53-5d9d1d3a0c11"

    again = template.render(Context({"request": RequestFactory().post("/", {"submit_token": kept})}))
    first = [template.render(Context({"request": RequestFactory().get("/")})) for _ in range(2)]
    forged = template.render(Context({"request": RequestFactory().post("/", {"submit_token": '"><script>'})}))

    assert kept in again
    assert first[0] != first[1]
    assert "script" not in forged


def test_what_a_chip_says_is_escaped():
    shown = loader.render_to_string("_components/status_chip.html", {"state": "clear", "label": "<b>x</b>"})
    assert "&lt;b&gt;" in shown


@pytest.mark.parametrize(
    ("answer", "status"), [(bad_request, 400), (forbidden, 403), (not_found, 404), (server_error, 500)]
)
def test_an_error_page_needs_no_database_and_no_context_and_shows_a_way_out(answer, status):
    response = answer(RequestFactory().get("/nowhere/"))

    assert response.status_code == status
    assert b"<h1>" in response.content
    assert b'href="/"' in response.content


def test_templates_hold_no_inline_style_script_or_handler_and_trust_nothing():
    forbidden_markup = re.compile(
        r"""\sstyle=|\son[a-z]+=["']|\|\s*safe\b|mark_safe|autoescape off|<script(?![^>]*(\ssrc=|application/json))"""
    )
    guilty = [str(t.relative_to(ROOT)) for t in TEMPLATES if forbidden_markup.search(t.read_text(encoding="utf-8"))]
    assert guilty == []
    assert forbidden_markup.search('<p style="x">')
    assert forbidden_markup.search("<script>alert(1)</script>")


def test_no_form_draws_its_summary_of_errors_twice():
    """`{% crispy %}` brings the summary with the fields: a page that includes it as well would say everything twice."""
    drawn = re.compile(r"{% crispy (\w+)")
    included = re.compile(r'{% include "_components/form_errors.html" with form=(\w+)')

    def doubled(source: str) -> set[str]:
        return set(drawn.findall(source)) & set(included.findall(source))

    assert [str(t.relative_to(ROOT)) for t in TEMPLATES if doubled(t.read_text(encoding="utf-8"))] == []
    assert doubled('{% include "_components/form_errors.html" with form=form only %}{% crispy form %}') == {"form"}


def test_every_component_begins_by_naming_its_inputs():
    silent = [
        t.name for t in (ROOT / "templates/_components").glob("*.html") if not t.read_text().startswith("{# Inputs")
    ]
    assert silent == []


def glyphs_of_call_lists() -> set[str]:
    """The third word of each `CallList(...)`."""
    written = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "treatments/pages").rglob("*.py")]
    calls = [node for tree in written for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {one.args[2].value for one in calls if getattr(one.func, "id", "") == "CallList" and len(one.args) > 2}


def test_every_glyph_that_anything_asks_for_is_drawn():
    drawn = set(re.findall(r'<symbol id="([^"]+)"', Path(finders.find(ui.SPRITE)).read_text(encoding="utf-8")))
    asked = {name for t in TEMPLATES for name in re.findall(r'{% icon "([^"]+)"', t.read_text(encoding="utf-8"))}
    assert asked - drawn == set()
    of_lists = glyphs_of_call_lists()
    assert "hourglass" in of_lists
    assert of_lists - drawn == set()
    of_states = {state[1] for states in (ui.STATES, ui.MESSAGE_STATES, BANNERS) for state in states.values()}
    of_days = {topic.icon for topic in aftercare_days.TOPICS} | {name for name, _ in aftercare_days.GLYPHS}
    assert (of_states | of_days | {place[2] for place in ui.NAV}) - {""} - drawn == set()


def test_a_glyph_escapes_its_label_once_also_where_the_same_text_was_escaped_before():
    assert 'aria-label="a &amp; b"' in ui.icon("left", label=mark_safe("a &amp; b"))
    assert 'aria-label="a &amp;amp; b"' in ui.icon("left", label="a &amp; b")
    assert 'aria-label="a &amp; b"' in ui.icon("left", label=mark_safe("a &amp; b"))
    assert 'aria-hidden="true"' in ui.icon("left")


def test_style_sheets_name_tokens_and_never_colours():
    colour = re.compile(r":[^;{}]*(#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\()")
    # mail.css shows a letter as mail programs do, on white paper in both themes: its colours are those of the mails.
    own = ("tokens.css", "mail.css")
    sheets = [sheet for sheet in (ROOT / "static/css").glob("*.css") if sheet.name not in own]

    assert [sheet.name for sheet in sheets if colour.search(sheet.read_text(encoding="utf-8"))] == []
    assert colour.search(".a { color: #7b4a88; }")
