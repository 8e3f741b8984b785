"""A browser that was handed to a patient reaches her form, then the lock, and nothing else until one of us signs in on it."""

from datetime import timedelta

import pgtrigger
import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.handover import admission, services
from clinic.handover.middleware import OPEN_WHILE_LOCKED
from clinic.library_access import LIBRARY_ACCESS
from clinic.models import AuditEvent, Handover
from tests import factories
from tests.access.table import TABLE
from tests.access.test_access import refs, url_of  # noqa: F401  (refs is a fixture)
from tests.clinic.staff.test_second_factor import code_for
from tests.treatments.tablet.held import BACK, HERE, LOCK, hand_over_url, handed, the_handover
from treatments.flows import tablet

pytestmark = pytest.mark.django_db
HERS = {f"treatments:handed_over{what}" for what in ("", "_save", "_anew", "_back")}
METHODS = ("GET", "POST", "PUT")


@pytest.fixture
def held(clinician, active_plan) -> Client:
    return handed(clinician, active_plan.patient, "day")


def over(handover: Handover) -> None:
    """Its half hour has passed."""
    earlier = timedelta(minutes=31)
    with_times = {"began_at": handover.began_at - earlier, "ends_at": handover.ends_at - earlier}
    with pgtrigger.ignore("clinic.Handover:handover_only_ends"):
        Handover.objects.filter(pk=handover.pk).update(**with_times)


def unlocked(browser: Client, password: str = factories.PASSWORD, **said):
    return browser.post(LOCK, {"password": password} | said)


def reached(browser: Client, refs, *, hers: set[str], leads_to: str) -> list[str]:  # noqa: F811
    """Addresses of ours and of the sign-in library that answer with anything but the way back."""
    urls = {name: url_of(name, refs) for name in TABLE} | {
        name: reverse(name, kwargs=KEYED.get(name)) for name in LIBRARY_ACCESS
    }
    urls |= {"nowhere": "/nowhere/", "no slash": "/today", "root": "/"}
    found = []
    for name, url in urls.items():
        if name in hers:
            continue
        for method in METHODS:
            answer = browser.generic(method, url)
            if (answer.status_code, answer.headers.get("Location")) != (302, leads_to):
                found.append(f"{method} {name}: {answer.status_code}")
    return found


KEYED = {
    "account_reset_password_from_key": {"uidb36": "1", "key": "a-b"},
    "mfa_edit_webauthn": {"pk": 1},
    "mfa_remove_webauthn": {"pk": 1},
}


def test_whatever_address_is_asked_for_ends_at_her_form(refs, clinician, patient):  # noqa: F811
    held = handed(clinician, patient, "day")
    assert reached(held, refs, hers=HERS, leads_to=HERE) == []
    assert held.get(HERE).status_code == 200


def test_once_given_back_everything_ends_at_the_lock(refs, clinician, patient):  # noqa: F811
    held = handed(clinician, patient, "day")
    assert held.post(BACK).headers["Location"] == LOCK
    assert reached(held, refs, hers=OPEN_WHILE_LOCKED, leads_to=LOCK) == []
    assert held.get(LOCK).status_code == 200
    assert held.get(HERE).headers["Location"] == LOCK


def test_nobody_is_signed_in_on_it_so_that_even_without_the_way_back_no_page_serves_anybody(
    refs,  # noqa: F811
    clinician,
    patient,
    monkeypatch,  # noqa: F811
):
    before = clinician.session.session_key
    held = handed(clinician, patient, "day")
    assert "_auth_user_id" not in held.session
    assert held.session.session_key != before
    monkeypatch.setattr("clinic.handover.middleware.HandedOverMiddleware._may_pass", lambda self, request: True)
    for name, row in TABLE.items():
        if not row.public:
            assert (
                "/accounts/login/" in held.get(url_of(name, refs)).headers.get("Location", "")
                or "GET" not in row.methods
            ), name


def test_the_key_of_the_session_before_opens_nothing_any_more(clinician, active_plan):
    second = Client()
    second.cookies = clinician.cookies.copy()
    handed(clinician, active_plan.patient, "day")
    assert "/accounts/login/" in second.get("/today/").headers["Location"]


def test_a_page_that_polls_or_swaps_is_told_so_and_swaps_nothing_in(held):
    assert held.get("/today/", HTTP_X_BACKGROUND="1").status_code == 401
    swapped = held.get("/today/", HTTP_HX_REQUEST="true")
    assert (swapped.status_code, swapped.headers["HX-Redirect"]) == (204, HERE)


def test_what_leads_back_is_never_kept(held):
    assert held.get("/today/").headers["Cache-Control"] == "no-store"
    assert held.get(HERE).headers["Cache-Control"] == "no-store"


def test_after_half_an_hour_it_is_locked_and_does_not_go_back_to_anybodys_screens(held):
    over(the_handover())
    assert held.get(HERE).headers["Location"] == LOCK
    assert held.get("/today/").headers["Location"] == LOCK
    page = held.get(LOCK).content.decode()
    assert "Its time is over" in page
    assert "Leila" not in page
    answer = unlocked(held)
    assert answer.headers["Location"] == reverse("treatments:handover", args=[the_handover().ref])


def test_the_lock_says_nothing_of_the_patient_nor_of_anybodys_address(held, active_plan, clinician_member):
    held.post(BACK)
    page = held.get(LOCK).content.decode()
    for word in (active_plan.patient.full_name, "Haddad", str(active_plan.patient.ref), clinician_member.user.email):
        assert word not in page
    assert "Noor Adeyemi" in page


def test_the_password_of_whoever_handed_it_over_opens_it_for_her(held, clinician_member):
    held.post(BACK)
    locked_key = held.session.session_key
    answer = unlocked(held)
    page = reverse("treatments:handover", args=[the_handover().ref])
    assert (answer.status_code, answer.headers["Location"]) == (302, page)
    assert held.session["_auth_user_id"] == str(clinician_member.user.pk)
    assert admission.HELD not in held.session
    assert held.session.session_key != locked_key
    assert held.get(page).status_code == 200
    assert held.get("/today/").status_code == 200
    assert held.get(LOCK).headers["Location"] == "/"


def test_a_colleague_unlocks_it_with_an_account_of_her_own(held, desk_member):
    held.post(BACK)
    unlocked(held, login=desk_member.user.email)
    assert held.session["_auth_user_id"] == str(desk_member.user.pk)
    assert the_handover().unlocked_by == desk_member.user


def test_who_works_in_another_clinic_does_not_unlock_it(held, other_clinic):
    held.post(BACK)
    answer = unlocked(held, login=factories.a_manager(other_clinic).user.email)
    assert answer.headers["Location"] == LOCK
    assert "Only somebody who works at Alder Lane Skin Clinic unlocks this tablet." in held.get(LOCK).content.decode()
    assert "_auth_user_id" not in held.session
    assert the_handover().unlocked_at is None
    assert held.get("/today/").headers["Location"] == LOCK


def test_a_wrong_password_is_refused_and_too_many_are_as_at_sign_in(held, clinician_member):
    held.post(BACK)
    for _ in range(5):
        answer = unlocked(held, "not-the-password")
        assert answer.status_code == 422
        assert held.get("/today/").headers["Location"] == LOCK
    answer = unlocked(held)
    assert answer.status_code == 422
    assert "Too many failed login attempts" in answer.content.decode()
    assert "_auth_user_id" not in held.session
    # It is counted with the tries at sign-in: there she is kept waiting too.
    again = Client().post("/accounts/login/", {"login": clinician_member.user.email, "password": factories.PASSWORD})
    assert "Too many failed login attempts" in again.content.decode()


def test_an_empty_password_is_asked_for(held):
    held.post(BACK)
    answer = unlocked(held, "")
    assert answer.status_code == 422
    assert "Enter the password." in answer.content.decode()


def test_whoever_has_a_second_factor_is_asked_for_it_here_as_well(held, clinician_member):
    secret = generate_totp_secret()
    TOTP.activate(clinician_member.user, secret)
    held.post(BACK)
    answer = unlocked(held)
    assert answer.headers["Location"].startswith(reverse("mfa_authenticate"))
    assert held.get("/today/").headers["Location"] == LOCK
    assert the_handover().unlocked_at is None
    unlocked(held)
    answer = held.post(reverse("mfa_authenticate"), {"code": code_for(secret)})
    assert answer.headers["Location"] == reverse("treatments:handover", args=[the_handover().ref])
    assert the_handover().unlocked_by == clinician_member.user


def test_who_left_meanwhile_does_not_unlock_it(held, clinician_member):
    held.post(BACK)
    clinician_member.is_active = False
    clinician_member.save()
    unlocked(held)
    assert "_auth_user_id" not in held.session
    assert held.get("/today/").headers["Location"] == LOCK


def test_everything_is_audited_with_who_did_it(held, active_plan, clinician_member, desk_member):
    held.post(BACK)
    held.post(BACK)
    unlocked(held, login=desk_member.user.email)
    handover = the_handover()
    events = AuditEvent.objects.filter(target_ref=handover.ref).order_by("pk")
    assert list(events.values_list("action", "by")) == [
        ("tablet.handed_over", clinician_member.user.pk), ("tablet.given_back", None),
        ("tablet.unlocked", desk_member.user.pk),
    ]  # fmt: skip
    assert events[0].facts == {"patient": str(active_plan.patient.ref), "forms": ["day"]}
    assert events[2].facts == {"given_back": True}


def test_other_browsers_of_hers_are_not_touched(signed_in, clinician_member, active_plan):
    one, other = signed_in(clinician_member), signed_in(clinician_member)
    handed(one, active_plan.patient, "day")
    assert other.get("/today/").status_code == 200


def test_a_browser_that_holds_a_hand_over_of_a_lost_database_is_nobodys(held):
    session = held.session
    session[admission.HELD] = "00000000-0000-4000-8000-000000000000"
    session.save()
    assert "/accounts/login/" in held.get("/today/", follow=False).headers["Location"]


def test_the_tablets_pages_lead_home_for_a_browser_that_nobody_was_given(client, clinician):
    for browser in (client, clinician):
        for path in (HERE, LOCK):
            assert browser.get(path).headers["Location"] == "/"


# ── Who may give it, and to whom ──────────────────────────────────────────────


def test_the_desk_gives_it_to_somebody_who_is_here(desk, visit_today):
    answer = desk.post(hand_over_url(visit_today.patient), {"forms": ["day"]})
    assert answer.status_code == 422
    assert "The patient is not here yet. Mark the visit as arrived first." in answer.content.decode()
    assert not Handover.objects.exists()
    assert desk.get("/today/").status_code == 200
    factories.arrive(visit_today)
    handed(desk, visit_today.patient, "day")


def test_nothing_to_answer_is_refused_at_its_field(clinician, patient):
    answer = clinician.post(hand_over_url(patient), {})
    assert answer.status_code == 422
    assert "Choose what the patient is to answer." in answer.content.decode()
    assert clinician.get("/today/").status_code == 200


def test_a_consent_that_is_valid_is_not_asked_for_again(clinician, active_plan):
    answer = clinician.post(hand_over_url(active_plan.patient), {"forms": ["consent"]})
    assert answer.status_code == 422
    assert "One of these is not due any more. Choose again." in answer.content.decode()


def test_nobody_answers_for_a_closed_record(clinician, patient):
    type(patient).objects.filter(pk=patient.pk).update(status="moved_away")
    answer = clinician.post(hand_over_url(patient), {"forms": ["day"]})
    assert answer.status_code == 422
    assert "This record is closed: nobody answers for it." in answer.content.decode()


def test_all_questions_hold_those_of_the_day(clinician, patient):
    handed(clinician, patient, "full", "day")
    assert the_handover().forms == ["full"]


def test_it_lasts_half_an_hour_of_real_time(clinician_member, patient):
    handover = tablet.hand_over(patient=patient, forms=["day"], by=clinician_member)
    assert abs(handover.ends_at - timezone.now() - services.LASTS) < timedelta(seconds=5)
