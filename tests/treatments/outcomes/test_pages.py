"""The pages: a form made from the table, a history in lines and rows, the newest scores on the chart."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.treatments.outcomes.measuring import errors, filled, lowest, measure, melasma, mmasi, url
from treatments.outcomes.models import OutcomeScore
from treatments.protocol.instruments import load

pytestmark = pytest.mark.django_db
MOST_QUERIES = 12


def read(answer) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


# ── The form ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [one.code for one in load().by_code.values() if one.formula != "typed"])
def test_every_instrument_has_its_form_and_records(clinician, patient, code):
    page = clinician.get(url("score_new", patient.ref, code))
    assert page.status_code == 200
    for item in load()[code].items:
        assert f'name="item-{item.code}"' in page.content.decode()
    assert clinician.post(url("score_new", patient.ref, code), filled(lowest(code))).status_code == 302
    kept = OutcomeScore.objects.get()
    assert (kept.items, kept.total) == (lowest(code), load()[code].least)


@pytest.mark.parametrize(
    ("code", "items", "variant"),
    [
        ("dlqi", {"value": "12"}, "total"),
        ("face_q", {"name": "Skin", "value": "61", "better": "higher"}, "scale: Skin"),
        (
            "imported",
            {"name": "Index", "least": "0", "most": "9", "value": "3", "better": "lower"},
            "total: Index, 0 to 9",
        ),
    ],
)
def test_typed_totals_have_their_form(clinician, patient, code, items, variant):
    page = clinician.get(url("score_new", patient.ref, code)).content.decode()
    assert all(f'name="item-{name}"' in page for name in items)
    assert load()[code].licence in unescape(page)
    assert clinician.post(url("score_new", patient.ref, code), filled(items)).status_code == 302
    assert OutcomeScore.objects.get().variant == variant


def test_working_it_out_shows_the_total_and_keeps_nothing(clinician, patient):
    answer = clinician.post(
        url("score_new", patient.ref, "mmasi"), filled(melasma(area=3, darkness=2), act="work_out", note="Even light.")
    )
    assert answer.status_code == 200
    assert "6 of 24" in read(answer)
    assert "Even light." in answer.content.decode()
    assert len(re.findall(r'name="item-[^>]* checked', answer.content.decode())) == 8
    assert not OutcomeScore.objects.exists()


def test_working_out_says_what_would_follow(clinician, active_plan):
    patient = active_plan.patient
    mmasi(patient, 2, 2)
    page = url("score_new", patient.ref, "mmasi")
    warned = re.compile(r"data-score-stop>")
    assert warned.search(clinician.post(page, filled(melasma(area=3, darkness=2), act="work_out")).content.decode())
    assert not warned.search(clinician.post(page, filled(melasma(area=2, darkness=2), act="work_out")).content.decode())
    scars = url("score_new", patient.ref, "goodman_baron_quantitative")
    raised = filled(lowest("goodman_baron_quantitative", papular=1), act="work_out")
    assert "data-score-raised>" in clinician.post(scars, raised).content.decode()
    sunken = filled(lowest("goodman_baron_quantitative", linear=1), act="work_out")
    assert "data-score-raised hidden>" in clinician.post(scars, sunken).content.decode()


def test_what_is_not_answered_is_said_at_each_question(clinician, patient):
    answer = clinician.post(url("score_new", patient.ref, "mmasi"), filled({"chin_area": 2, "chin_darkness": 9}))
    assert answer.status_code == 422
    said = errors(answer)
    assert len(said) == 7
    assert said["item-forehead_area"] == "Choose an answer."
    assert said["item-chin_darkness"] == "Choose one of the answers offered."
    assert 'name="item-chin_area" value="2" data-points="2" data-label="10 to 29 %" checked' in unescape(
        answer.content.decode()
    )
    assert not OutcomeScore.objects.exists()


@pytest.mark.parametrize(
    ("differing", "expected"),
    [
        ({"assessed_on": "2027-03-10"}, {"assessed_on": "Choose today or an earlier day."}),
        ({"assessed_on": "1901-01-01"}, {"assessed_on": "This day lies before the date of birth."}),
        ({"assessed_on": ""}, {"assessed_on": "Choose the day."}),
        ({"zone": "elbow"}, {"zone": "Choose a zone from the list."}),
        ({"note": "x" * 2001}, {"note": "Too long: 2001 letters, and there is room for 2000."}),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(clinician, patient, differing, expected):
    answer = clinician.post(url("score_new", patient.ref, "gais"), filled({"improvement": 2}, **differing))
    assert (answer.status_code, errors(answer)) == (422, expected)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ({"value": "31"}, {"item-value": "The score lies between 0 and 30."}),
        ({"value": ""}, {"item-value": "The score: write a number."}),
    ],
)
def test_what_cannot_be_typed_is_refused_beside_its_field(clinician, patient, items, expected):
    answer = clinician.post(url("score_new", patient.ref, "dlqi"), filled(items))
    assert (answer.status_code, errors(answer)) == (422, expected)


def test_pressing_twice_records_once(clinician, patient):
    data = filled({"improvement": 2})
    for _ in range(2):
        clinician.post(url("score_new", patient.ref, "gais"), data)
    assert OutcomeScore.objects.count() == 1


def test_an_instrument_that_is_not_there_is_absent(clinician, patient):
    assert clinician.get(url("score_new", patient.ref, "moon")).status_code == 404


def test_a_skin_type_is_proposed_where_the_skin_is_assessed_and_not_chosen(clinician, patient):
    items = lowest("fitzpatrick_b") | dict.fromkeys(("eyes", "hair", "unexposed_skin", "freckles", "long_sun"), 4)
    answer = clinician.post(url("score_new", patient.ref, "fitzpatrick_b"), filled(items | {"turns_brown": 3}))
    assert answer.headers["Location"] == url("assess", patient.ref)
    page = clinician.get(url("assess", patient.ref))
    assert "proposes type IV (23 points). What you see counts." in read(page)
    html = page.content.decode()
    assert re.search(r'class="pill was"><input class="vh" type="radio" name="skin_type" value="4">', html)
    assert not re.search(r'name="skin_type" value="\d"[^>]*checked', html)
    wrong = OutcomeScore.objects.get()
    clinician.post(url("score_error", wrong.ref), {"reason": "Another patient"})
    assert "proposes" not in read(clinician.get(url("assess", patient.ref)))


# ── The history ───────────────────────────────────────────────────────────────


def test_each_variant_and_zone_has_a_line_of_its_own(clinician, patient):
    measure(patient, "goodman_baron_qualitative", {"grade": 3})
    measure(patient, "goodman_baron_quantitative", lowest("goodman_baron_quantitative", linear=2))
    measure(patient, "pain_during", {"pain": 6}, zone="cheek")
    measure(patient, "pain_during", {"pain": 4}, zone="forehead")
    lines = clinician.get(url("scores", patient.ref)).context["lines"]
    assert [(line.label, line.variant, line.zone, len(line.rows)) for line in lines] == [
        ("Pain, 0 to 10", "During needling", "Forehead", 1),
        ("Pain, 0 to 10", "During needling", "Cheek", 1),
        ("Acne scars, Goodman and Baron", "Quantitative 2006, 0 to 84", "", 1),
        ("Acne scars, Goodman and Baron", "Qualitative, grade 1 to 4", "", 1),
    ]


def test_the_drawing_and_the_table_say_the_same(clinician, active_plan):
    patient = active_plan.patient
    for days, area in ((40, 5), (20, 3), (0, 2)):
        mmasi(patient, area, 2, on=factories.TODAY - timedelta(days=days))
    page = clinician.get(url("scores", patient.ref))
    line = page.context["lines"][0]
    assert [(row.total, row.change, row.mark) for row in line.rows] == [
        ("4", "2 lower, 33 % gone", ""), ("6", "", "baseline"), ("10", "", ""),
    ]  # fmt: skip
    assert [point.label for point in line.drawing.points] == ["10", "6", "4"]
    assert line.better == "lower is better"
    html = page.content.decode()
    assert "Lower is better" in html
    assert "Melasma, mMASI, Modified MASI, area and darkness, 0 to 24: 10 on 28 January, 4 on 9 March, 3 scores" in html
    assert "Course pauses at 7" in html
    xs, ys = [point.x for point in line.drawing.points], [point.y for point in line.drawing.points]
    assert xs == sorted(xs) and ys == sorted(ys)


def test_change_is_told_against_the_baseline_in_points_and_percent(clinician, patient):
    for days, area in ((60, 5), (30, 4), (10, 5), (5, 6)):
        mmasi(patient, area, 2, on=factories.TODAY - timedelta(days=days))
    line = clinician.get(url("scores", patient.ref)).context["lines"][0]
    assert [row.change for row in line.rows] == ["2 higher, 20 % more", "the same", "2 lower, 20 % gone", ""]
    measure(patient, "satisfaction", {"satisfaction": 2}, on=factories.TODAY - timedelta(days=9))
    measure(patient, "satisfaction", {"satisfaction": 4})
    line = clinician.get(url("scores", patient.ref)).context["lines"][0]
    assert (line.better, [row.change for row in line.rows]) == ("higher is better", ["2 higher", ""])


def test_a_score_from_nought_has_no_percent(clinician, patient):
    mmasi(patient, 0, 0, on=factories.TODAY - timedelta(days=9))
    mmasi(patient, 1, 1)
    line = clinician.get(url("scores", patient.ref)).context["lines"][0]
    assert line.rows[0].change == "1 higher"


def test_what_was_entered_in_error_stays_struck_and_out_of_the_drawing(clinician, patient):
    wrong = measure(patient, "gais", {"improvement": 5}, note="canary")
    right = measure(patient, "gais", {"improvement": 2})
    refused = clinician.post(url("score_error", wrong.ref), {"reason": " "})
    assert (refused.status_code, errors(refused)) == (422, {"reason": "Say why this score was entered in error."})
    assert clinician.get(url("score_error", wrong.ref)).status_code == 200
    assert clinician.post(url("score_error", wrong.ref), {"reason": "Wrong patient"}).status_code == 302
    assert clinician.post(url("score_error", wrong.ref), {"reason": "Wrong patient"}).status_code == 422
    page = clinician.get(url("scores", patient.ref))
    line = page.context["lines"][0]
    assert [row.kept for row in line.rows] == [right, wrong]
    assert (line.drawing, line.rows[0].mark) == (None, "first score")
    measure(patient, "gais", {"improvement": 1}, on=factories.TODAY - timedelta(days=1))
    line = clinician.get(url("scores", patient.ref)).context["lines"][0]
    assert [point.label for point in line.drawing.points] == ["1", "2"]
    assert "Entered in error: Wrong patient" in read(page)
    only = measure(patient, "dlqi", {"value": 3})
    clinician.post(url("score_error", only.ref), {"reason": "Wrong patient"})
    line = clinician.get(url("scores", patient.ref)).context["lines"][0]
    assert (line.label, line.drawing, line.latest) == ("Quality of life, DLQI", None, None)


def test_many_scores_carry_figures_at_the_ends_only(clinician, patient):
    for days in range(8):
        measure(patient, "dlqi", {"value": 10 + days}, on=factories.TODAY - timedelta(days=days))
    labels = [point.label for point in clinician.get(url("scores", patient.ref)).context["lines"][0].drawing.points]
    assert labels == ["17", *[""] * 6, "10"]


def test_a_score_of_an_instrument_that_is_gone_is_still_read(clinician, patient, clinician_member):
    OutcomeScore.objects.create(
        clinic=patient.clinic, patient=patient, instrument="old_scale", variant="v1", assessed_on=factories.TODAY,
        assessor=clinician_member.user, items={}, total=7, table_version="0", zone="gone",
    )  # fmt: skip
    page = clinician.get(url("scores", patient.ref))
    assert page.status_code == 200
    line = page.context["lines"][0]
    assert (line.label, line.variant, line.zone, line.better, line.code) == ("old_scale", "v1", "Gone", "", "")
    assert "old_scale" in read(clinician.get(url("chart", patient.ref)))


def test_sessions_stand_in_the_drawing(clinician, done_session, later):
    patient = done_session.patient
    measure(patient, "gais", {"improvement": 4}, on=factories.TODAY - timedelta(days=10))
    later(timedelta(days=30))
    measure(patient, "gais", {"improvement": 2}, on=factories.TODAY + timedelta(days=30))
    drawing = clinician.get(url("scores", patient.ref)).context["lines"][0].drawing
    assert [session.label for session in drawing.sessions] == ["1"]


def test_nothing_measured_yet_has_its_words(clinician, patient):
    assert "Nothing measured yet" in read(clinician.get(url("scores", patient.ref)))


def test_the_newest_scores_stand_on_the_chart_of_a_clinician_and_not_of_the_desk(clinician, desk, manager, patient):
    mmasi(patient, 5, 2, on=factories.TODAY - timedelta(days=9))
    mmasi(patient, 3, 2)
    measure(patient, "gais", {"improvement": 2})
    seen = read(clinician.get(url("chart", patient.ref)))
    assert "Latest scores" in seen
    assert "Melasma, mMASI 6 " in seen
    assert "Much improved" in seen
    for client in (desk, manager):
        unseen = client.get(url("chart", patient.ref)).content.decode()
        assert not any(word in unseen for word in ("scores", "mMASI", "improved"))


def test_the_pages_ask_the_same_few_questions_of_a_long_history(clinician, active_plan):
    patient = active_plan.patient

    def queries() -> list[int]:
        counts = []
        for page in (url("scores", patient.ref), url("chart", patient.ref)):
            clinician.get(page)
            with CaptureQueriesContext(connection) as captured:
                assert clinician.get(page).status_code == 200
            counts.append(len(captured))
        return counts

    mmasi(patient, 3, 2, on=factories.TODAY - timedelta(days=50))
    few = queries()
    for days in range(1, 12):
        mmasi(patient, 3, 2, on=factories.TODAY - timedelta(days=days))
        measure(patient, "pain_during", {"pain": days % 10}, zone="cheek")
        measure(patient, "gais", {"improvement": 3})
    assert queries() == few
    assert max(few) <= MOST_QUERIES


def test_the_form_costs_at_most_twelve_queries(clinician, active_plan, django_assert_max_num_queries):
    mmasi(active_plan.patient, 3, 2)
    clinician.get(url("score_new", active_plan.patient.ref, "mmasi"))
    with django_assert_max_num_queries(MOST_QUERIES):
        clinician.get(url("score_new", active_plan.patient.ref, "mmasi"))


def test_before_the_first_score_there_is_no_line_to_pause_at(clinician, active_plan):
    page = clinician.get(url("score_new", active_plan.patient.ref, "mmasi"))
    assert page.context["stop"] is None
    assert "Not measured yet" in read(page)


def test_another_clinic_meets_nothing(stranger, patient):
    kept = mmasi(patient, 3, 2)
    for page in (url("scores", patient.ref), url("score_new", patient.ref, "gais"), url("score_error", kept.ref)):
        assert stranger.get(page).status_code == 404
