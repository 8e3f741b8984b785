"""What the pages of scores say is true: which score a course is judged by, of what a score is, what a mark undoes."""

import re
from datetime import timedelta
from html import unescape

import pytest

from tests import factories
from tests.treatments.outcomes.measuring import errors, filled, lowest, measure, melasma, mmasi, url
from treatments.outcomes.history import lines
from treatments.outcomes.models import OutcomeScore
from treatments.protocol.catalogue import load as load_catalogue

pytestmark = pytest.mark.django_db

IMPORTED = {"name": "Skin Index", "least": "0", "most": "9", "value": "3", "better": "lower"}


def read(answer) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def days_ago(days: int):
    return factories.TODAY - timedelta(days=days)


# ── The stop line ─────────────────────────────────────────────────────────────


def test_over_a_baseline_of_nought_any_rise_pauses_and_nought_does_not(clinician, active_plan):
    patient = active_plan.patient
    mmasi(patient, 0, 0, on=days_ago(20))
    page = url("score_new", patient.ref, "mmasi")
    words = read(clinician.get(page))
    assert "The course pauses at any rise." in words
    assert "Any rise: once it is recorded, the course waits" in words
    assert "0 or more" not in words
    warned = re.compile(r"data-score-stop>")
    assert not warned.search(clinician.post(page, filled(melasma(area=0, darkness=0), act="work_out")).content.decode())
    assert warned.search(clinician.post(page, filled(melasma(area=1, darkness=1), act="work_out")).content.decode())
    mmasi(patient, 0, 0, on=days_ago(10))
    assert "Course pauses at any rise" in clinician.get(url("scores", patient.ref)).content.decode()


def test_over_another_baseline_the_line_is_a_number(clinician, active_plan):
    mmasi(active_plan.patient, 2, 2, on=days_ago(20))
    words = read(clinician.get(url("score_new", active_plan.patient.ref, "mmasi")))
    assert "The course pauses at 4.8." in words
    assert "4.8 or more: once it is recorded" in words


def test_a_plan_that_is_not_active_yet_has_its_line_too(clinician, patient):
    mmasi(patient, 2, 2, on=days_ago(20))
    factories.make_draft(patient)
    assert "The course pauses at 4.8." in read(clinician.get(url("score_new", patient.ref, "mmasi")))


def test_a_score_too_old_for_the_rule_is_not_called_the_baseline(clinician, active_plan):
    patient = active_plan.patient
    mmasi(patient, 2, 2, on=days_ago(181))
    mmasi(patient, 1, 2, on=days_ago(190))
    line = clinician.get(url("scores", patient.ref)).context["lines"][0]
    assert [row.mark for row in line.rows] == ["", "first score"]
    mmasi(patient, 2, 2, on=days_ago(180))
    line = clinician.get(url("scores", patient.ref)).context["lines"][0]
    assert [row.mark for row in line.rows] == ["baseline", "", ""]


# ── Of what a score is ────────────────────────────────────────────────────────


def test_before_names_the_zone_and_the_questionnaire_of_the_last_score(clinician, patient):
    measure(patient, "pain_during", {"pain": 4}, zone="forehead")
    before = clinician.get(url("score_new", patient.ref, "pain_during")).context["before"]
    assert (before["total"], before["of_what"]) == ("4", "Forehead")
    measure(patient, "imported", IMPORTED)
    page = clinician.get(url("score_new", patient.ref, "imported"))
    assert page.context["before"]["of_what"] == "Skin Index, 0 to 9"
    assert "Skin Index, 0 to 9" in read(page)
    mmasi(patient, 3, 2)
    assert clinician.get(url("score_new", patient.ref, "mmasi")).context["before"]["of_what"] == ""


def test_a_questionnaire_is_recorded_with_its_licence_and_shows_it(clinician, patient):
    page = clinician.get(url("score_new", patient.ref, "imported")).content.decode()
    assert 'name="licence_note"' in page
    answer = clinician.post(
        url("score_new", patient.ref, "imported"), filled(IMPORTED, licence_note="Permission of Dr Lee, 3 March")
    )
    assert answer.status_code == 302
    assert OutcomeScore.objects.get().licence_note == "Permission of Dr Lee, 3 March"
    assert "Licence: Permission of Dr Lee, 3 March" in read(clinician.get(url("scores", patient.ref)))
    long = clinician.post(url("score_new", patient.ref, "imported"), filled(IMPORTED, licence_note="x" * 201))
    assert errors(long) == {"licence_note": "Too long: 201 letters, and there is room for 200."}
    assert 'name="licence_note"' not in clinician.get(url("score_new", patient.ref, "gais")).content.decode()


def test_another_direction_of_a_known_questionnaire_is_refused_at_its_field(clinician, patient):
    measure(patient, "imported", IMPORTED)
    answer = clinician.post(url("score_new", patient.ref, "imported"), filled(IMPORTED | {"better": "higher"}))
    assert answer.status_code == 422
    assert list(errors(answer)) == ["item-better"]


def test_a_total_of_a_typed_range_is_told_out_of_that_range(clinician, patient):
    answer = clinician.post(url("score_new", patient.ref, "imported"), filled(IMPORTED, act="work_out"))
    assert "3 of 9" in read(answer)


def test_rows_spelled_in_two_ways_before_are_one_line(patient, clinician_member):
    row = {
        "clinic": patient.clinic, "patient": patient, "instrument": "imported", "assessed_on": factories.TODAY,
        "assessor": clinician_member.user, "items": IMPORTED, "total": 3, "table_version": "1",
    }  # fmt: skip
    for name in ("Index", "index"):
        OutcomeScore.objects.create(**row, variant=f"total: {name}, 0 to 9")
    found = lines(patient.outcome_scores.select_related("assessor"), catalogue=load_catalogue())
    assert [len(line.rows) for line in found] == [2]


def test_how_much_of_melasma_is_gone_is_told_of_both_indexes(clinician, patient):
    even = {f"{region}_homogeneity": 2 for region in ("forehead", "right_malar", "left_malar", "chin")}
    measure(patient, "masi", melasma(area=4, darkness=2) | even, on=days_ago(30))
    measure(patient, "masi", melasma(area=3, darkness=2) | even)
    line = clinician.get(url("scores", patient.ref)).context["lines"][0]
    assert [row.change for row in line.rows] == ["4 lower, 25 % gone", ""]


# ── What a mark undoes ────────────────────────────────────────────────────────


def test_that_answers_stay_is_said_before_and_after_a_score_is_struck(clinician, patient):
    form = clinician.get(url("score_new", patient.ref, "goodman_baron_quantitative"))
    assert "Those answers stay, even if this score is later marked as an error." in read(form)
    raised = measure(patient, "goodman_baron_quantitative", lowest("goodman_baron_quantitative", papular=1))
    assert "raised lesions and thick scars stay at yes" in read(clinician.get(url("score_error", raised.ref)))
    said = read(clinician.post(url("score_error", raised.ref), {"reason": "Counted wrongly"}, follow=True))
    assert "The screening answers that it gave stay." in said
    assert patient.answers.filter(code="raised_lesion_area", value="yes").exists()
    sunken = measure(patient, "goodman_baron_quantitative", lowest("goodman_baron_quantitative", linear=1))
    assert "stay at yes" not in read(clinician.get(url("score_error", sunken.ref)))
    said = read(clinician.post(url("score_error", sunken.ref), {"reason": "Counted wrongly"}, follow=True))
    assert "answers that it gave" not in said


@pytest.mark.parametrize("instrument", ["gone", "gais"])
def test_a_score_that_the_table_no_longer_reads_can_be_struck(clinician, patient, clinician_member, instrument):
    kept = OutcomeScore.objects.create(
        clinic=patient.clinic, patient=patient, instrument=instrument, variant="improvement", assessed_on=factories.TODAY,
        assessor=clinician_member.user, items={"other": 1}, total=3, table_version="0",
    )  # fmt: skip
    assert clinician.get(url("score_error", kept.ref)).status_code == 200
    assert clinician.post(url("score_error", kept.ref), {"reason": "Twice"}).status_code == 302


# ── On the chart ──────────────────────────────────────────────────────────────


def test_the_chart_of_a_patient_draws_how_her_scores_went(clinician, desk, active_plan):
    patient = active_plan.patient
    mmasi(patient, 3, 2, on=days_ago(40))
    measure(patient, "gais", {"improvement": 2})
    page = clinician.get(url("chart", patient.ref)).content.decode()
    assert "score-chart" not in page  # one score alone is no line yet
    mmasi(patient, 2, 2, on=days_ago(1))
    answer = clinician.get(url("chart", patient.ref))
    page = answer.content.decode()
    assert page.count('<svg class="ruler score-chart small"') == 1
    assert "0 to 24: 6 on 28 January, 4 on 8 March, 2 scores; lower is better</title>" in page
    assert "No longer" not in page
    assert "score-chart" not in desk.get(url("chart", patient.ref)).content.decode()


def test_a_struck_score_is_not_the_latest_on_the_chart(clinician, patient):
    mmasi(patient, 3, 2, on=days_ago(9))
    wrong = mmasi(patient, 6, 4)
    clinician.post(url("score_error", wrong.ref), {"reason": "Another patient"})
    assert [line.latest.total for line in clinician.get(url("chart", patient.ref)).context["lines"]] == ["6"]


def test_the_chart_shows_the_five_kinds_measured_last(clinician, patient):
    for zone in ("cheek", "forehead", "chin", "nose", "neck", "jawline"):
        measure(patient, "pain_during", {"pain": 4}, zone=zone)
    assert len(clinician.get(url("chart", patient.ref)).context["lines"]) == 5


def test_the_story_names_the_zone_of_a_score(clinician, patient):
    measure(patient, "pain_during", {"pain": 4}, zone="forehead")
    assert "During needling, Forehead" in read(clinician.get(url("chart", patient.ref)))
