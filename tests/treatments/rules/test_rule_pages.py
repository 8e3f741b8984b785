"""The page of the rules and the pages of their values: what they show, to whom, and what a press does."""

import re
import uuid
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.roles import Role
from patients.models import Patient
from tests import factories
from tests.factories import TODAY
from tests.treatments.rules.test_publishing import an_edition, without_entry
from treatments.flows import publishing
from treatments.pages.protocol import policy_page
from treatments.pages.protocol.page import readable
from treatments.protocol.catalogue import load
from treatments.protocol.policy import parameters
from treatments.rules import services as rules
from treatments.rules.forms import ValueForm
from treatments.rules.models import OutcomeChange, PolicyValue
from treatments.rules.policy import RuleSet
from treatments.screenings import services as screenings
from treatments.screenings.models import ScreeningFinding, ScreeningRecord

pytestmark = pytest.mark.django_db
RULES = "/settings/protocol/"
PATH = "rule.isotretinoin_past.washout_days"
WAIT = f"{RULES}values/{PATH}/"
UNTIL = (TODAY + timedelta(days=30)).isoformat()


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def press(client, url: str, **said):
    return client.post(url, {"submit_token": str(uuid.uuid4())} | said)


def entry(clinic, id: str):
    return next(one for group in readable(clinic)["groups"] for one in group.entries if one.id == id)


# ── Reading ───────────────────────────────────────────────────────────────────


def test_every_value_that_can_be_set_leads_to_its_page(clinician):
    page = clinician.get(RULES).content.decode()
    assert [path for path in parameters(load()) if f"{RULES}values/{path}/" not in page] == []


def test_the_page_of_every_value_can_be_made(clinic, prescriber_member):
    for path, published in parameters(load()).items():
        found = policy_page.Parameters(shipped=published, ours=published)
        page = policy_page.value_page(clinic, found, membership=prescriber_member)
        assert page["title"] and page["now"] == page["default"] != "", path
        form = ValueForm(shipped=found.shipped, ours=found.ours, ask_url=RULES)
        assert form["value"].value() not in (None, ""), path


def one_of_each_kind() -> dict[tuple[str, str], str]:
    """What a value is of, and its name there, to the path of one."""
    return {(path.split(".")[0], path.split(".")[-1]): path for path in parameters(load())}


def test_the_page_of_a_value_of_each_kind_can_be_read(prescriber):
    assert len(one_of_each_kind()) >= 25
    for path in one_of_each_kind().values():
        page = prescriber.get(f"{RULES}values/{path}/")
        assert (page.status_code, page.context["title"]) == (200, parameters(load())[path].label), path


def test_the_default_stands_beside_what_the_clinic_has_set(clinic, clinician, manager_member):
    publishing.tighten(clinic=clinic, path=PATH, value=210, by=manager_member)
    page = text(clinician.get(f"{RULES}?show=different"))
    assert "210 days Stricter here default 180 days" in page
    assert "Disagrees: 3 months, P10" in page
    assert "Pregnancy" not in page


def test_other_techniques_are_named_and_off(clinician):
    page = text(clinician.get(f"{RULES}?show=techniques"))
    assert re.search(r"Radio-?frequency needling .* Off ", page)


@pytest.mark.parametrize(
    ("query", "there", "absent"),
    [
        ("?find=isotretinoin", "Isotretinoin in the past", "Pregnancy"),
        ("?find=ISOTRETINOIN+past", "Isotretinoin in the past", "Isotretinoin now"),
        ("?show=zones", "Around the eye", "Pregnancy"),
        ("?find=xylophone", "Nothing found", "Pregnancy"),
        ("?show=nonsense", "Pregnancy", "Nothing found"),
        ("?find=&show=", "Pregnancy", "Nothing found"),
    ],
)
def test_the_rules_are_narrowed_by_words_and_by_group(clinician, query, there, absent):
    page = text(clinician.get(RULES + query))
    assert there in page and absent not in page


def test_it_says_how_often_a_rule_fired_and_was_lifted(clinic, patient, clinician_member, other_clinic):
    factories.answer_all(patient, hsv_history="yes")
    assert entry(clinic, "rule-hsv_history").use == "Never fired"
    for _ in range(3):
        factories.screen_today(patient, purpose="booking")  # the same day: nothing new was found
    assert entry(clinic, "rule-hsv_history").use == "Fired once, 1 patient; lifted never"
    screenings.give_clearance(
        patient=patient, code="hsv_history", reason="Antiviral", expires_on=TODAY, by=clinician_member, licence="N1"
    )
    assert entry(clinic, "rule-hsv_history").use == "Fired once, 1 patient; lifted once"
    assert entry(other_clinic, "rule-hsv_history").use == "Never fired"


def test_what_fired_over_a_year_ago_is_no_longer_counted(clinic, patient, later):
    factories.answer_all(patient, hsv_history="yes")
    factories.screen_today(patient, purpose="booking")
    later(timedelta(days=365))
    assert entry(clinic, "rule-hsv_history").use.startswith("Fired once")
    later(timedelta(days=1))
    assert entry(clinic, "rule-hsv_history").use == "Never fired"


def queries(client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_the_pages_cost_the_same_with_a_long_history(clinic, patient, manager, manager_member):
    factories.screen_today(patient, purpose="booking")
    publishing.tighten(clinic=clinic, path=PATH, value=181, by=manager_member)
    urls = [RULES, f"{RULES}?find=retinoin", WAIT]
    few = [queries(manager, url) for url in urls]
    for value in range(182, 190):
        publishing.tighten(clinic=clinic, path=PATH, value=value, by=manager_member)
    more = Patient.objects.bulk_create(
        Patient(clinic=clinic, given_name=f"Q{n}", family_name="Many", born_on="1990-01-01", name_key=f"q{n}")
        for n in range(40)
    )
    newest = ScreeningRecord.objects.latest("id")
    for person in more:
        newest.pk, newest.ref, newest.patient, newest._state.adding = None, uuid.uuid4(), person, True
        newest.save()
        ScreeningFinding.objects.create(record=newest, code="hsv_history", category="REL")
    assert [queries(manager, url) for url in urls] == few
    assert max(few) <= 12


def test_the_worklists_cost_the_same_with_many_changes(clinic, active_plan, desk, manager_member):
    visit = factories.book(active_plan.planned_sessions.get(number=1))

    def change(**more) -> None:
        OutcomeChange.objects.create(
            clinic=clinic, visit_ref=visit.ref, visit_version=1, patient_ref=visit.patient.ref, before="clear",
            after="defer", because="A test", changed_by=manager_member.user, **more,
        )  # fmt: skip

    change()
    few = queries(desk, reverse("treatments:worklists"))
    for _ in range(30):
        change()
    assert queries(desk, reverse("treatments:worklists")) == few <= 14


# ── Setting ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("who", "may"), [("clinician", False), ("prescriber", True), ("manager", True)])
def test_who_may_set_a_value_finds_the_form(request, who, may):
    page = request.getfixturevalue(who).get(WAIT)
    assert ("See what changes" in text(page)) == may
    assert "Sources that disagree" in text(page)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("210", "Stricter: counts at once"),
        ("180", "This counts already"),
        ("90", "Looser: needs a prescriber"),
        ("banana", "Type a value"),
        ("", "Type a value"),
        ("9" * 400, "Type a value"),
    ],
)
def test_the_server_says_which_way_a_typed_value_lies(prescriber, value, said):
    fragment = prescriber.get(f"{WAIT}direction/", {"value": value, "reason": "As typed"})
    assert said in text(fragment)
    assert ("As typed" in text(fragment)) == (value == "90")


def test_a_manager_is_told_that_a_looser_value_is_not_hers(manager):
    fragment = text(manager.get(f"{WAIT}direction/", {"value": "90"}))
    assert "Ask a prescriber" in fragment and "Reason" not in fragment


def test_nothing_is_saved_before_the_second_press(manager, clinic):
    shown = press(manager, WAIT, value="210")
    assert shown.status_code == 200
    assert "180 days becomes 210 days" in text(shown)
    assert not PolicyValue.objects.exists()
    assert press(manager, WAIT, value="210", confirm="yes").status_code == 302
    assert PolicyValue.objects.get().value == 210
    assert "In this clinic: 210 days" in text(manager.get(WAIT))


@pytest.fixture
def a_visit_that_changes(patient, active_plan):
    factories.answer(patient, "isotretinoin_past", "yes", on=TODAY - timedelta(days=160))
    return factories.book(active_plan.planned_sessions.get(number=1), day=TODAY + timedelta(days=27))


def test_the_visits_that_change_are_listed_by_name_and_day_before_anything_is_saved(
    signed_in, clinic, patient, a_visit_that_changes
):
    both = factories.make_member(clinic, Role.MANAGER, Role.CLINICIAN, name="Ada Both")
    page = text(press(signed_in(both), WAIT, value="210"))
    assert "1 booked visit would be judged in another way" in page
    assert f"Mon 5 Apr 2027, 11:00 {patient.full_name} Clear Not before 28 Apr Booked" in page
    assert not OutcomeChange.objects.exists()


def test_who_may_not_see_answers_reads_how_many_visits_change_and_not_whose(
    clinic, manager, manager_member, prescriber_member, patient, a_visit_that_changes
):
    """Else a manager tries a value and reads who has given which answer."""
    assert not manager_member.may_see_clinical
    shown = [press(manager, WAIT, value="210")]
    assert "1 booked visit would be judged in another way" in text(shown[0])
    value = publishing.tighten(clinic=clinic, path=PATH, value=210, by=manager_member)
    shown.append(manager.get(reverse("treatments:policy_end", args=[value.ref])))
    publishing.end(policy_value=value, by=prescriber_member, reason="Back to six months")
    older = an_edition("2027.3", wait=("washout = { days = 180 }", "washout = { days = 240 }"))
    publishing.adopt(clinic=clinic, protocol=older, by=prescriber_member)
    shown.append(manager.get(f"{RULES}adopt/"))
    for page in shown:
        assert len(page.context["changes"]) == 1
        assert patient.full_name not in text(page) and str(patient.ref) not in page.content.decode()
        assert str(a_visit_that_changes.ref) not in page.content.decode()
    assert OutcomeChange.objects.count() == 3, "the lines are written all the same"


def test_a_second_press_on_the_same_page_sets_the_value_once(manager):
    token = str(uuid.uuid4())
    for _ in range(2):
        assert manager.post(WAIT, {"value": "210", "confirm": "yes", "submit_token": token}).status_code == 302
    assert PolicyValue.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({"value": "90"}, "say why"),
        ({"value": "90", "reason": "Low dose"}, "choose the last day"),
        ({"value": "90", "reason": "Low dose", "expires_on": "2027-02-30"}, "a day that exists"),
        ({"value": "180"}, "This counts already"),
        ({"value": "-1"}, "enter 0 to"),
        ({"value": "1.5"}, "a whole number"),
        ({"value": ""}, "Enter a value."),
    ],
)
def test_what_cannot_be_set_is_refused_at_its_field(prescriber, said, refused):
    page = press(prescriber, WAIT, **said)
    assert page.status_code == 422
    assert refused in text(page)


def test_a_looser_value_has_a_name_a_licence_a_reason_and_a_last_day(prescriber, manager, clinic):
    said = {"value": "90", "reason": "Low dose, letter of the GP", "expires_on": UNTIL, "confirm": "yes"}
    assert press(manager, WAIT, **said).status_code == 422
    assert not PolicyValue.objects.exists()
    assert press(prescriber, WAIT, **said).status_code == 302
    page = text(prescriber.get(WAIT))
    assert "Dr Ines Halloran, licence GMC 7654321. Counts until Thu 8 Apr 2027." in page
    assert "Low dose, letter of the GP" in page
    assert "Looser until 8 April 2027" in text(prescriber.get(RULES))


def says(client, value: str, **said) -> str:
    return client.get(f"{WAIT}direction/", {"value": value} | said).context["direction"]["way"]


def test_while_a_looser_value_counts_others_are_measured_by_the_default(prescriber, clinic, prescriber_member):
    until = TODAY + timedelta(days=30)
    publishing.loosen(clinic=clinic, path=PATH, value=90, reason="x", expires_on=until, by=prescriber_member)
    ways = {value: says(prescriber, value) for value in ("60", "90", "120", "180", "210")}
    assert ways == {"60": "looser", "90": "looser", "120": "looser", "180": "default", "210": "stricter"}
    refused = press(prescriber, WAIT, value="180")
    assert refused.status_code == 422 and "End the looser value below" in text(refused)


def test_a_looser_value_is_prolonged_and_the_page_says_until_when(prescriber, clinic, prescriber_member):
    until, longer = TODAY + timedelta(days=5), TODAY + timedelta(days=60)
    publishing.loosen(clinic=clinic, path=PATH, value=90, reason="x", expires_on=until, by=prescriber_member)
    said = {"value": "90", "reason": "Still waiting for the letter", "expires_on": longer.isoformat()}
    assert press(prescriber, WAIT, **said).status_code == 200
    assert press(prescriber, WAIT, **said, confirm="yes").status_code == 302
    assert "Looser until 8 May 2027" in text(prescriber.get(WAIT))
    assert [value.ended_at is None for value in PolicyValue.objects.all()] == [True, False]
    again = press(prescriber, WAIT, **said, confirm="yes")
    assert again.status_code == 422 and "This counts already" in text(again)


@pytest.mark.parametrize("code", ["keloid_family", "isotretinoin_past", "hydroquinone"])
def test_a_rule_made_a_block_can_be_asked_about_every_choice(clinic, prescriber, manager_member, code):
    path = f"rule.{code}.category"
    publishing.tighten(clinic=clinic, path=path, value="ABS", by=manager_member)
    url = f"{RULES}values/{path}/"
    for value in parameters(load())[path].choices:
        assert prescriber.get(f"{url}direction/", {"value": value}).status_code == 200
        assert press(prescriber, url, value=value, reason="x", expires_on=UNTIL).status_code == 422


def test_a_version_that_makes_a_block_a_caution_is_compared(clinic):
    newer = an_edition("2027.4", milder=('code = "keloid_family"\ncategory = "REL"', 'code = "keloid_family"\ncategory = "CAU"'),
        lifted=('question = "Does a close relative get keloids?"\nlater_no = "kept_beside"\nlifted_by = "clinician"',
                'question = "Does a close relative get keloids?"\nlater_no = "kept_beside"\nlifted_by = "not_needed"'))  # fmt: skip
    publishing.tighten(clinic=clinic, path="rule.keloid_family.category", value="ABS", by=factories.a_manager(clinic))
    clinic.refresh_from_db()
    after = RuleSet(newer.sha256)
    (turn,) = policy_page.values_that_change(clinic, after)
    assert (turn["before"], turn["after"], turn["way"]) == ("blocks", "caution", "Looser")


def test_a_clinician_who_posts_all_the_same_is_refused(clinician):
    assert press(clinician, WAIT, value="210", confirm="yes").status_code == 422
    assert not PolicyValue.objects.exists()


def test_between_the_default_and_a_stricter_value_that_one_has_to_be_ended_first(prescriber, manager):
    press(manager, WAIT, value="210", confirm="yes")
    page = press(prescriber, WAIT, value="190")
    assert page.status_code == 422
    assert "End that one first" in text(page)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("concern.melasma.offered", "no", "not offered"),
        ("zone.cheek.soft_max_mm", "1.25", "1.25 mm"),
        ("rule.hsv_history.category", "ABS", "blocks"),
    ],
)
def test_words_depths_and_offers_are_set_like_days(manager, path, value, said):
    url = f"{RULES}values/{path}/"
    assert f"becomes {said}" in text(press(manager, url, value=value))
    assert press(manager, url, value=value, confirm="yes").status_code == 302
    assert f"In this clinic: {said}" in text(manager.get(url))


def test_a_value_that_is_none_is_absent(manager):
    for path in ("rule.nothing.washout_days", "interval", "rule.isotretinoin_past.washout_days.more"):
        assert manager.get(f"{RULES}values/{path}/").status_code == 404


# ── Ending, adopting, signing ─────────────────────────────────────────────────


def test_ending_a_stricter_value_shows_first_and_takes_a_reason(manager, prescriber, manager_member, clinic):
    publishing.tighten(clinic=clinic, path=PATH, value=210, by=manager_member)
    url = f"{RULES}set/{PolicyValue.objects.get().ref}/end/"
    assert "210 days becomes 180 days" in text(prescriber.get(url))
    assert press(prescriber, url).status_code == 422
    assert press(manager, url, reason="Too strict").status_code == 422
    assert press(prescriber, url, reason="The review came").status_code == 302
    assert "The review came" in text(prescriber.get(WAIT))
    for again in (prescriber.get(url), press(prescriber, url, reason="A second press")):
        assert again.url == WAIT, "it has ended: its page says so"
    assert PolicyValue.objects.get().ended_reason == "The review came"


def test_an_ended_value_of_a_name_that_is_gone_leads_to_the_rules(
    clinic, prescriber, manager_member, prescriber_member
):
    publishing.tighten(clinic=clinic, path="rule.photosensitiser.category", value="ABS", by=manager_member)
    value = PolicyValue.objects.get()
    publishing.end(policy_value=value, by=prescriber_member, reason="The review came")
    gone = an_edition("2027.2", rule=without_entry("rule", "photosensitiser"))
    rules.adopt(clinic=clinic, protocol=gone, by=prescriber_member)
    assert prescriber.get(reverse("treatments:policy_end", args=[value.ref])).url == RULES


def test_another_clinics_value_cannot_be_ended(stranger, clinic, manager_member):
    publishing.tighten(clinic=clinic, path=PATH, value=210, by=manager_member)
    url = f"{RULES}set/{PolicyValue.objects.get().ref}/end/"
    assert stranger.get(url).status_code == 404
    assert press(stranger, url, reason="Mischief").status_code == 404


@pytest.fixture
def under_an_older_version(clinic, prescriber_member):
    older = an_edition("2025.2", wait=("washout = { days = 180 }", "washout = { days = 150 }"))
    publishing.adopt(clinic=clinic, protocol=older, by=prescriber_member)
    return older


def test_a_version_that_was_not_adopted_is_announced_compared_and_adopted(
    under_an_older_version, manager, prescriber, clinic
):
    page = text(manager.get(RULES))
    assert "Protocol 2025.2" in page and f"Protocol {load().version} is published" in page
    compared = prescriber.get(f"{RULES}adopt/")
    assert "Isotretinoin in the past: wait 150 days 180 days Stricter" in text(compared)
    assert "Adopt protocol" not in re.sub("Adopt protocol [0-9.]+ ?[?]", "", text(manager.get(f"{RULES}adopt/")))
    assert press(manager, f"{RULES}adopt/", sha256=load().sha256).status_code == 422
    assert press(prescriber, f"{RULES}adopt/", sha256="0" * 64).status_code == 422
    assert press(prescriber, f"{RULES}adopt/", sha256=load().sha256).status_code == 302
    page = text(prescriber.get(RULES))
    assert "is published" not in page and "Not signed for" in page


def test_signing_signs_the_version_in_force_not_the_newest(under_an_older_version, prescriber, clinic):
    assert press(prescriber, RULES).status_code == 302
    assert clinic.protocol_sign_offs.get().protocol == under_an_older_version
