"""Several answers to one question: the newest says how fresh, the strictest says what counts."""

import pytest

from tests.protocol.people import D, day, harmless, saying
from treatments.protocol.answers import Answer, answers_differ, settle, settle_all
from treatments.protocol.catalogue import load
from treatments.protocol.screening import screen

CATALOGUE = load()


def yes(said: str, on: str | None = None, detail: str | None = None, value: str = "yes", by_clinician: bool = False):
    return Answer(value, on and day(on), detail, day(said), by_clinician)


def no(said: str, on: str | None = None, by_clinician: bool = False):
    return yes(said, on, value="no", by_clinician=by_clinician)


def unsure(said: str):
    return yes(said, value="not_sure")


def settled(code: str, *history: Answer) -> Answer | None:
    return settle(history, CATALOGUE.rule(code))


# code, history, what counts
STORIES = [
    # nobody asked, or all the same
    ("pregnant", [], None),
    ("diabetes", [no("D-9"), no("D")], no("D")),
    ("diabetes", [no("D"), no("D-9")], no("D")),
    # the newest answer counts
    ("smoking", [yes("D-9"), no("D")], no("D")),
    ("rosacea", [yes("D-9", detail="papulopustular"), no("D")], no("D")),
    ("event_soon", [no("D-9"), yes("D", on="D+5")], yes("D", on="D+5")),
    # history: the yes counts, as fresh as the newest answer
    ("hsv_history", [yes("D-300"), no("D")], yes("D")),
    ("keloid_personal", [no("D-300"), yes("D-20"), no("D")], yes("D")),
    ("scleroderma_ctd", [yes("D-90", detail="active"), yes("D-30", detail="quiet"), no("D")], yes("D", detail="quiet")),
    ("radiotherapy_area", [yes("D-90"), yes("D-30", on="D-40"), no("D")], yes("D", on="D-40")),
    ("metal_allergy", [yes("D-90"), no("D")], yes("D")),
    # a doubt is settled by a clear answer, in either direction
    ("hsv_history", [unsure("D-9"), no("D")], no("D")),
    ("pregnant", [unsure("D-1"), no("D")], no("D")),
    ("hsv_history", [no("D-9"), unsure("D")], unsure("D")),
    ("pregnant", [yes("D-30"), unsure("D")], unsure("D")),
    # a wait is never shortened by a quick no
    ("topical_retinoid", [yes("D-2", on="D-3"), no("D")], yes("D", on="D-3")),
    ("topical_retinoid", [yes("D-2"), no("D")], yes("D", on="D-2")),
    ("topical_retinoid", [yes("D-2", on="D-2"), yes("D", on="D-9")], yes("D", on="D-2")),
    ("topical_retinoid", [yes("D-2", on="D-2"), yes("D")], yes("D")),
    ("laser_ipl", [yes("D-70", on="D-80", detail="ablative"), yes("D-30", on="D-35", detail="non_ablative")],
     yes("D-30", on="D-80", detail="ablative")),
    ("laser_ipl", [yes("D-70", on="D-80", detail="ablative"), yes("D-5", on="D-6", detail="non_ablative")],
     yes("D-5", on="D-6", detail="non_ablative")),
    ("home_needling", [yes("D-9", on="D-9", detail="0_5_or_more"), yes("D", on="D-1", detail="under_0_5")],
     yes("D", on="D-9", detail="0_5_or_more")),
    ("home_needling", [yes("D-9", on="D-9", detail="under_0_5"), no("D")], no("D")),
    ("needling_elsewhere", [yes("D-9", on="D-10"), no("D")], yes("D", on="D-10")),
    ("nsaid_otc", [yes("D-1", on="D-1"), no("D")], yes("D", on="D-1")),
    # it ended on the day of the first no after the last yes
    ("hsv_active", [yes("D-9"), no("D-4"), no("D")], yes("D", on="D-4")),
    ("hsv_active", [yes("D-9", on="D-8"), no("D-4")], yes("D-4", on="D-8")),
    ("hsv_active", [yes("D-30"), no("D-20"), yes("D-9"), no("D")], yes("D", on="D")),
    ("hsv_active", [yes("D-9")], yes("D-9")),
    ("hsv_active", [yes("D-9"), unsure("D-4"), no("D")], yes("D", on="D")),
    # without a wait only a clinician's no lifts it
    ("skin_infection_area", [yes("D-9"), no("D")], yes("D", on="D")),
    ("skin_infection_area", [yes("D-9"), no("D", by_clinician=True)], no("D")),
    # only a date ends it
    ("pregnant", [yes("D-30"), no("D")], yes("D")),
    ("pregnant", [yes("D-30"), no("D", on="D-5")], yes("D", on="D-5")),
    ("pregnant", [yes("D-30"), yes("D-4", on="D-5"), no("D")], yes("D", on="D-5")),
    ("pregnant", [yes("D-200", on="D-210"), yes("D")], yes("D")),
    ("breastfeeding", [yes("D-30"), no("D-20", on="D-21"), no("D")], yes("D", on="D-21")),
    # a question about "since your last visit": the same visit cannot unsay it
    ("new_medicine", [yes("D-1"), no("D")], yes("D")),
    ("new_medicine", [yes("D-2"), no("D")], no("D")),
    # an answer of unknown age is the oldest
    ("smoking", [no("D"), Answer("yes")], no("D")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "history", "counts"), STORIES)
def test_what_counts(code, history, counts):
    assert settled(code, *history) == counts


ISOTRETINOIN = [
    # yes, then no: stopped at the latest on the day of the no
    ([yes("D-40"), no("D-10")], [], yes("D-10", on="D-10")),
    ([yes("D-40"), no("D-10"), no("D")], [no("D")], yes("D", on="D-10")),
    # a day between the two answers was given
    ([yes("D-40"), no("D-10")], [yes("D-10", on="D-20")], yes("D-10", on="D-20")),
    ([yes("D-40"), no("D-10")], [yes("D-10", on="D-40")], yes("D-10", on="D-40")),
    # a day before the last yes cannot be right
    ([yes("D-40"), no("D-10")], [yes("D-10", on="D-41")], yes("D-10", on="D-10")),
    ([yes("D-40"), no("D-10")], [yes("D-10")], yes("D-10", on="D-10")),
    # a doubt is not a no
    ([yes("D-40"), unsure("D-10")], [no("D")], no("D")),
    ([yes("D-40"), unsure("D-10"), no("D-5")], [no("D")], yes("D", on="D-5")),
    # never taken, still taking, a doubt that was settled
    ([no("D-10")], [no("D-10")], no("D-10")),
    ([no("D-10"), yes("D")], [no("D-10")], no("D-10")),
    ([unsure("D-10"), no("D")], [no("D-10")], no("D-10")),
    ([yes("D-40"), no("D-10")], [yes("D-10", on="D-20", value="not_sure")], yes("D-10", on="D-20", value="not_sure")),
    ([Answer("yes"), no("D-10")], [yes("D-10", on="D-300")], yes("D-10", on="D-300")),
]


@pytest.mark.parametrize(("now", "past", "counts"), ISOTRETINOIN)
def test_stopping_isotretinoin_starts_the_wait(now, past, counts):
    histories = {"isotretinoin_now": now, "isotretinoin_past": past}
    assert settle_all(histories, CATALOGUE).get("isotretinoin_past") == counts


def test_a_no_after_isotretinoin_defers_for_180_days_from_the_no():
    told = settle_all({"isotretinoin_now": [yes("D-40"), no("D")]}, CATALOGUE)
    found = screen(harmless(answers={**harmless().answers, **told}), on=D, purpose="session", catalogue=CATALOGUE)
    assert (found.outcome, found.binding, found.earliest_on) == ("defer", "isotretinoin_past", day("D+180"))


def test_without_isotretinoin_nothing_is_carried():
    assert settle_all({"smoking": [yes("D")], "diabetes": []}, CATALOGUE) == {"smoking": yes("D")}


def test_answers_that_differ_are_told():
    rule = CATALOGUE.rule("hsv_history")
    assert answers_differ([yes("D-9"), no("D")], rule)
    assert answers_differ([unsure("D-9"), no("D")], rule)
    assert not answers_differ([yes("D-9"), unsure("D")], rule)
    assert not answers_differ([], rule)


@pytest.mark.parametrize("code", [rule.code for rule in CATALOGUE.rules if rule.dated])
def test_a_quick_no_never_clears_a_running_wait(code):
    counts = settled(code, yes("D", on="D"), no("D"))
    found = screen(saying(code, counts), on=D, purpose="session", catalogue=CATALOGUE)
    assert code in [finding.code for finding in found.findings]
