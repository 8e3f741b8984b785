"""Lifting a finding: only what may be lifted, only by whom it may be lifted, with a reason and an end."""

import hashlib
import uuid
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from clinic import clock
from clinic.errors import DomainError
from tests import factories
from treatments.protocol.catalogue import load
from treatments.rules import policy
from treatments.rules import services as rules
from treatments.rules.models import ProtocolVersion
from treatments.screenings import services

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(patient):
    """Cold sores once (a clinician decides), isotretinoin (a prescriber), strong sun (time alone)."""
    factories.assess(patient)
    factories.answer_all(patient, hsv_history="yes")
    factories.answer(patient, "isotretinoin_past", "yes", on=date(2026, 9, 15))
    factories.answer(patient, "sun_tan_exposure", "yes", on=date(2027, 3, 1))
    return patient


def url(patient) -> str:
    return reverse("treatments:clearance", args=[patient.ref])


def filled(**differing) -> dict:
    return {
        "code": "hsv_history",
        "reason": "Antiviral prescribed from the day before",
        "evidence": "Letter of 8 March",
        "expires_on": "2027-06-07",
        "licence": "NMC 12A3456E",
        "submit_token": str(uuid.uuid4()),
    } | differing


def errors(response) -> dict:
    return {field: found[0] for field, found in response.context["form"].errors.items()}


def offered(response) -> list[str]:
    return [code for code, _ in response.context["choices"]]


def test_a_clinician_is_offered_what_waits_for_a_clinician(clinician, asked):
    assert offered(clinician.get(url(asked))) == ["hsv_history"]


def test_a_prescriber_is_offered_the_rest_that_may_be_lifted_but_never_what_only_time_ends(prescriber, asked):
    assert set(offered(prescriber.get(url(asked)))) == {"hsv_history", "isotretinoin_past"}


def test_the_page_says_what_is_not_hers_to_lift_and_what_ends_it(clinician, asked):
    others = {other["label"]: other["ends"] for other in clinician.get(url(asked)).context["others"]}
    assert others == {
        "Isotretinoin in the past": "A prescriber may lift it.",
        "Strong sun or sunbed": "It ends on its date.",
    }


def test_a_clearance_lifts_the_finding_until_its_last_day(clinician, asked, clinician_member):
    assert clinician.post(url(asked), filled()).status_code == 302
    given = asked.clearances.get()
    assert (given.given_by, given.licence, given.expires_on) == (
        clinician_member.user,
        "NMC 12A3456E",
        date(2027, 6, 7),
    )
    lifted = {f.code: f.cleared_until for f in services.look(asked, on=date(2027, 6, 7), purpose="booking").findings}
    later = {f.code: f.cleared_until for f in services.look(asked, on=date(2027, 6, 8), purpose="booking").findings}
    assert lifted["hsv_history"] == date(2027, 6, 7)
    assert later["hsv_history"] is None


@pytest.mark.parametrize(
    ("differing", "field", "sentence"),
    [
        ({"reason": "  "}, "reason", "Give the reason: it is printed in the chart."),
        ({"licence": ""}, "licence", "Enter your licence number."),
        ({"expires_on": "2027-03-08"}, "expires_on", "Choose a last day that is not in the past."),
        ({"expires_on": "2031-01-01"}, "expires_on", "A clearance lasts a year at most. Choose an earlier day."),
        ({"expires_on": "banana"}, "expires_on", "Enter a day that exists, for example 2027-06-07."),
        ({"code": "isotretinoin_past"}, "code", "Choose a finding that you may lift."),
        ({"code": "sun_tan_exposure"}, "code", "Choose a finding that you may lift."),
        ({"code": "no_such_rule"}, "code", "Choose a finding that you may lift."),
        ({"reason": "x" * 1_000_000}, "reason", "Shorten the reason to 2,000 characters."),
    ],
)
def test_what_is_missing_or_not_hers_is_refused_at_the_field(clinician, asked, differing, field, sentence):
    response = clinician.post(url(asked), filled(**differing))
    assert response.status_code == 422
    assert errors(response) == {field: sentence}
    assert not asked.clearances.exists()


def test_a_clearance_for_today_alone_is_possible(clinician, asked):
    assert clinician.post(url(asked), filled(expires_on="2027-03-09")).status_code == 302


def test_pressing_twice_gives_one_clearance(clinician, asked):
    data = filled()
    for _ in range(2):
        clinician.post(url(asked), data)
    assert asked.clearances.count() == 1


def test_taking_it_back_makes_the_finding_count_again_at_once(clinician, asked):
    clinician.post(url(asked), filled())
    given = asked.clearances.get()
    clinician.post(reverse("treatments:revoke_clearance", args=[given.ref]))
    found = {f.code: f.category for f in services.look(asked, on=factories.TODAY, purpose="booking").findings}
    assert found["hsv_history"] == "REL"
    assert asked.clearances.get().revoked_at is not None


def test_the_desk_and_other_clinics_lift_nothing(desk, manager, stranger, clinician, asked):
    clinician.post(url(asked), filled())
    revoke = reverse("treatments:revoke_clearance", args=[asked.clearances.get().ref])
    assert [client.post(url(asked), filled()).status_code for client in (desk, manager, stranger)] == [403, 403, 404]
    assert [client.post(revoke).status_code for client in (desk, manager, stranger)] == [403, 403, 404]
    assert asked.clearances.get().revoked_at is None


@pytest.mark.parametrize(("days", "given"), [(366, True), (367, False)])
def test_whoever_asks_a_clearance_lasts_a_year_at_most(asked, clinician_member, days, given):
    def give():
        return services.give_clearance(
            patient=asked,
            code="hsv_history",
            reason="Antiviral prescribed",
            expires_on=factories.TODAY + timedelta(days=days),
            by=clinician_member,
        )

    if given:
        assert give().code == "hsv_history"
    else:
        with pytest.raises(DomainError, match="a year at most") as caught:
            give()
        assert caught.value.field == "expires_on"


# ── Where the clinic has made a block of it since ────────────────────────────

COLD_SORES = "rule.hsv_history.category"


def lifted(patient, by) -> None:
    expires_on = factories.TODAY + timedelta(days=90)
    services.give_clearance(patient=patient, code="hsv_history", reason="Antiviral", expires_on=expires_on, by=by)


def seen(patient):
    patient.clinic.refresh_from_db()
    found = services.look(patient, on=clock.today(patient.clinic), purpose="booking")
    return {finding.code: (finding.category, finding.cleared_until) for finding in found.findings}["hsv_history"]


def test_a_clearance_of_a_need_for_a_clinician_does_not_lift_what_has_become_a_block(
    asked, clinician_member, prescriber_member, manager_member, later
):
    lifted(asked, clinician_member)
    assert seen(asked)[0] == "CAU"
    later(timedelta(minutes=1))
    policy.tighten(clinic=asked.clinic, path=COLD_SORES, value="ABS", by=manager_member)
    assert seen(asked) == ("ABS", None)
    with pytest.raises(DomainError, match="Only a prescriber"):
        lifted(asked, clinician_member)
    later(timedelta(minutes=1))
    lifted(asked, prescriber_member)
    assert seen(asked)[0] == "CAU"


def test_also_a_prescribers_clearance_from_before_does_not_lift_the_block(
    asked, prescriber_member, manager_member, later
):
    lifted(asked, prescriber_member)
    later(timedelta(minutes=1))
    policy.tighten(clinic=asked.clinic, path=COLD_SORES, value="ABS", by=manager_member)
    assert seen(asked) == ("ABS", None)


def test_the_page_says_that_an_older_clearance_lifts_nothing_any_more(
    clinician, asked, clinician_member, manager_member, later
):
    page, said = reverse("treatments:screening", args=[asked.ref]), "lifts nothing any more"
    lifted(asked, clinician_member)
    assert said not in clinician.get(page).content.decode()
    later(timedelta(minutes=1))
    policy.tighten(clinic=asked.clinic, path=COLD_SORES, value="ABS", by=manager_member)
    assert said in clinician.get(page).content.decode()


def test_once_the_clinic_has_ended_its_block_the_older_clearance_counts_again(
    asked, clinician_member, prescriber_member, manager_member, later
):
    lifted(asked, clinician_member)
    later(timedelta(minutes=1))
    block = policy.tighten(clinic=asked.clinic, path=COLD_SORES, value="ABS", by=manager_member)
    policy.end(policy_value=block, by=prescriber_member, reason="Antivirals for all")
    assert seen(asked)[0] == "CAU"


def test_a_version_that_makes_a_block_of_it_asks_for_a_new_clearance_too(
    asked, clinician_member, prescriber_member, later
):
    rules.sign_off(clinic=asked.clinic, by=prescriber_member)
    lifted(asked, clinician_member)
    later(timedelta(minutes=1))
    rules.adopt(clinic=asked.clinic, protocol=cold_sores_block(), by=prescriber_member)
    assert seen(asked) == ("ABS", None)


def test_after_a_version_that_nobody_reads_any_more_every_block_counts_as_a_new_one(
    asked, clinician_member, prescriber_member, later
):
    lifted(asked, clinician_member)
    later(timedelta(minutes=1))
    for protocol in (published("version = 1"), cold_sores_block()):
        rules.adopt(clinic=asked.clinic, protocol=protocol, by=prescriber_member)
    assert seen(asked) == ("ABS", None)


def cold_sores_block() -> ProtocolVersion:
    old = 'code = "hsv_history"\ncategory = "REL"'
    text = load().text.replace(old, old.replace("REL", "ABS"))
    _, rest = text.split('code = "hsv_history"')
    return published(text.replace(rest, rest.replace('lifted_by = "clinician"', 'lifted_by = "prescriber"', 1)))


def published(text: str) -> ProtocolVersion:
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return ProtocolVersion.objects.create(version="2031.7", toml=text, sha256=sha256)


def test_the_control_another_rule_that_becomes_a_block_leaves_the_clearance_alone(
    asked, clinician_member, manager_member, later
):
    lifted(asked, clinician_member)
    later(timedelta(minutes=1))
    policy.tighten(clinic=asked.clinic, path="rule.keloid_family.category", value="ABS", by=manager_member)
    assert seen(asked)[0] == "CAU"


def test_the_chart_prints_who_with_which_licence_why_on_what_paper_and_until_when(clinician, asked, clinician_member):
    clinician.post(url(asked), filled())
    given = asked.clearances.get()
    chart = clinician.get(reverse("treatments:chart", args=[asked.ref])).content.decode()
    story = chart[chart.index("So far") :]
    assert "lifted until 7 June 2027" in story
    assert f"{clinician_member.user.full_name}, licence NMC 12A3456E: Antiviral prescribed from the day before" in story
    assert "Document: Letter of 8 March" in story
    services.revoke_clearance(clearance=given, by=clinician_member.user)
    chart = clinician.get(reverse("treatments:chart", args=[asked.ref])).content.decode()
    assert f"Taken back by {clinician_member.user.full_name}" in chart


def test_on_paper_the_story_keeps_its_lines_and_loses_its_buttons():
    printed = (Path(settings.BASE_DIR) / "static" / "css" / "print.css").read_text()
    hidden = next(line for line in printed.splitlines() if "display: none" in line)
    assert ".timeline" not in hidden and ".what" not in hidden
    assert ".btn" in hidden and ".acts" in hidden
