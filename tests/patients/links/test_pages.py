"""What a patient meets behind a link, and what a scanner, a stranger and a colleague do not."""

import re
import time
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from patients.links import access, purposes, services
from patients.links.access import patient_page
from patients.models import PatientLink
from tests import factories
from tests.access.world import fingerprint
from tests.patients.links.made import CLINICAL, a_token, ended, opened, row_of, words

pytestmark = pytest.mark.django_db
CONTACT = "/my/contact/"
LINK = re.compile(r'name="link" value="([0-9a-f-]{36})"')
HER_TEMPLATES = ("patients/links", "treatments/pages/patient")


@pytest.fixture
def clinical():
    purposes.register(CLINICAL)
    yield CLINICAL
    purposes.forget(CLINICAL.code)


def test_the_address_with_the_token_is_swapped_for_a_short_cookie_and_a_clean_one(patient):
    token = a_token(patient)
    browser = Client()
    answer = browser.get(f"/my/{token}/")
    assert (answer.status_code, answer.headers["Location"], answer.content) == (302, CONTACT, b"")
    cookie = answer.cookies["stratum_my_contact"]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (1800, True, "Lax", "/")
    assert token not in cookie.value
    assert browser.get(CONTACT).status_code == 200


def test_in_production_the_cookie_is_of_this_host_alone_and_of_https(patient, settings):
    settings.SESSION_COOKIE_SECURE = True
    cookie = Client().get(f"/my/{a_token(patient)}/").cookies["__Host-my-contact"]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


def test_a_page_is_neither_kept_nor_found_and_tells_other_sites_nothing(patient):
    token = a_token(patient)
    for answer in (opened(token).get(CONTACT), Client().get(f"/my/{token}/"), Client().get(CONTACT)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_her_form_is_taken_with_the_origin_that_a_browser_sends(patient):
    """Why the policy is not "no-referrer": a browser would then send `Origin: null`, and no form of hers would get through."""
    browser = opened(a_token(patient), enforce_csrf_checks=True)
    browser.get(CONTACT)
    typed = {"mail": "needed", "csrfmiddlewaretoken": browser.cookies["stratum_csrf"].value}
    assert browser.post(CONTACT, typed, headers={"Origin": "null"}).status_code == 403
    assert browser.post(CONTACT, typed, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert browser.post(CONTACT, typed, headers={"Origin": "http://testserver"}).status_code == 302


def test_whoever_has_the_mail_reads_no_name_no_address_and_nothing_clinical(patient, active_plan):
    page = words(opened(a_token(patient)).get(CONTACT)).casefold()  # without tokens, in which any four letters come up
    for told in (patient.given_name, patient.family_name, patient.email, patient.phone, "scar", "needling", "session"):
        assert told.casefold() not in page


def test_unknown_ended_closed_and_used_up_get_one_and_the_same_answer_with_a_way_on(patient, manager_member):
    closed, used_up = a_token(patient), a_token(patient)
    services.close(link=row_of(closed), because="A mistake", by=manager_member.user)
    PatientLink.objects.filter(pk=row_of(used_up).pk).update(opened=services.MOST_OPENS)
    answers = [Client().get(f"/my/{token}/", follow=True) for token in ("B" * 43, ended(patient), closed, used_up)]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert len({words(answer) for answer in answers}) == 1
    assert "tel:02079460100" in words(answers[0])
    assert "This link has ended" in words(answers[0])


def test_where_two_clinics_share_the_house_the_answer_names_neither(patient, other_clinic):
    page = words(Client().get(f"/my/{ended(patient)}/", follow=True))
    assert patient.clinic.phone not in page
    assert patient.clinic.sender_name not in page
    assert "its number stands in our messages" in page


def test_a_cookie_opens_nothing_after_half_an_hour(patient):
    browser = opened(a_token(patient))
    # The server's clock alone moves: a browser that keeps the cookie longer must not gain by it.
    value = browser.cookies["stratum_my_contact"].value
    with time_machine.travel(time.time() + 29 * 60):
        assert cookie_answer(value) == 200
    with time_machine.travel(time.time() + 31 * 60):
        assert cookie_answer(value) == 404


def cookie_answer(value: str) -> int:
    browser = Client()
    browser.cookies["stratum_my_contact"] = value
    return browser.get(CONTACT).status_code


@pytest.mark.parametrize("value", ["", "nonsense", "e30:1abc:nonsense", "a:b", "a:b:c"])
def test_a_cookie_that_is_not_ours_opens_nothing(patient, value):
    assert cookie_answer(value) == 404


def test_a_changed_cookie_and_one_of_another_purpose_open_nothing(patient, clinical):
    browser = opened(a_token(patient, clinical.code))
    other = browser.cookies[f"stratum_my_{clinical.code}"].value
    mine = opened(a_token(patient)).cookies["stratum_my_contact"].value
    assert cookie_answer(mine) == 200
    assert cookie_answer(mine[:-1] + ("A" if mine[-1] != "A" else "B")) == 404
    assert cookie_answer(other) == 404


def test_two_links_of_different_purposes_do_not_put_each_other_out(patient, clinical):
    browser = opened(a_token(patient))
    browser.get(f"/my/{a_token(patient, clinical.code)}/")
    assert browser.get(CONTACT).status_code == 200


def test_in_two_tabs_each_form_counts_for_the_patient_of_its_own_page(clinic, patient):
    """Mother and daughter read one mailbox, in one browser."""
    daughter = factories.make_patient(clinic, given_name="Aisha", family_name="Rahman")
    browser = opened(a_token(patient))
    [mothers] = LINK.findall(browser.get(CONTACT).content.decode())
    browser.get(f"/my/{a_token(daughter)}/")
    [daughters] = LINK.findall(browser.get(CONTACT).content.decode())
    assert mothers != daughters
    assert browser.post(CONTACT, {"mail": "none", "link": mothers}).status_code == 302
    patient.refresh_from_db()
    daughter.refresh_from_db()
    assert (patient.mail_allowed, daughter.mail_allowed) == (False, True)
    # And what she reads then is her own page.
    assert LINK.findall(browser.get(CONTACT).content.decode()) == [mothers]


def test_every_form_on_a_page_of_hers_says_whose_page_it_is():
    files = [
        file for folder in HER_TEMPLATES for file in (Path(settings.BASE_DIR) / "templates" / folder).glob("*.html")
    ]
    forms = [form for file in files if file.name != "_desk.html" for form in file.read_text().split("<form")[1:]]
    assert len(forms) >= 9
    assert [form for form in forms if 'name="link" value="{{ link_ref }}"' not in form.split("</form>")[0]] == []


@pytest.mark.parametrize("said", ["", "nonsense", "00000000-0000-4000-8000-000000000000"])
def test_a_form_of_a_page_that_this_browser_does_not_hold_counts_for_nobody(patient, said):
    assert opened(a_token(patient)).post(CONTACT, {"mail": "none", "link": said}).status_code == 404
    patient.refresh_from_db()
    assert patient.mail_allowed


def test_a_cookie_under_the_name_of_another_link_opens_neither(clinic, patient):
    mine, other = a_token(patient), a_token(factories.make_patient(clinic, given_name="Aisha", family_name="Rahman"))
    browser = opened(mine)
    browser.cookies[access.cookie_name("contact", row_of(other).ref)] = browser.cookies["stratum_my_contact"].value
    assert browser.post(CONTACT, {"mail": "none", "link": str(row_of(other).ref)}).status_code == 404


def test_a_press_makes_the_half_hour_no_longer(patient):
    token = a_token(patient)
    browser = opened(token)
    before = browser.cookies["stratum_my_contact"].value
    with time_machine.travel(time.time() + 20 * 60):
        browser.post(CONTACT, {"mail": "needed", "link": str(row_of(token).ref)})
    assert browser.cookies["stratum_my_contact"].value == before


def test_a_date_of_birth_is_held_against_the_link_of_its_own_page(clinic, patient, clinical):
    mothers = a_token(patient, clinical.code)
    daughter = factories.make_patient(clinic, given_name="Aisha", family_name="Rahman", born_on=date(2001, 2, 3))
    daughters = a_token(daughter, clinical.code)
    browser = opened(mothers)
    browser.get(f"/my/{daughters}/")
    assert browser.post("/my/birth/", birth(9, 6, 1992) | {"link": str(row_of(mothers).ref)}).status_code == 302
    assert row_of(daughters).wrong_births == 0


def test_closing_a_link_ends_it_for_whoever_has_it_open(patient, manager_member):
    token = a_token(patient)
    browser = opened(token)
    assert browser.get(CONTACT).status_code == 200
    services.close(link=row_of(token), because="She lost her telephone", by=manager_member.user)
    assert browser.get(CONTACT).status_code == 404
    assert browser.post(CONTACT, {"mail": "none"}).status_code == 404
    patient.refresh_from_db()
    assert patient.mail_allowed


def test_a_record_that_is_closed_ends_what_is_open(patient):
    browser = opened(a_token(patient))
    patient.status = "deceased"
    patient.save(update_fields=["status"])
    assert browser.get(CONTACT).status_code == 404


def test_whoever_is_signed_in_here_is_nobody_on_her_page(patient, desk):
    desk.get(f"/my/{a_token(patient)}/")
    answer = desk.get(CONTACT)
    assert answer.status_code == 200
    assert answer.context["membership"] is None
    assert 'class="rail' not in answer.content.decode()


def test_her_page_speaks_the_time_of_the_links_clinic(patient):
    seen = []

    @patient_page("contact")
    def page(request):
        seen.append((timezone.get_current_timezone_name(), request.patient, request.clinic, request.membership))
        return HttpResponse()

    request = RequestFactory().get("/anything/")
    token = a_token(patient)
    request.COOKIES["stratum_my_contact"] = opened(token).cookies["stratum_my_contact"].value
    page(request)
    assert seen == [("Europe/London", patient, patient.clinic, None)]


def as_clinical(cookie: str, method: str = "get"):
    """What a clinical page answers to a browser with this cookie."""

    @patient_page(CLINICAL.code)
    def page(request):
        return HttpResponse("what is normal today")

    request = getattr(RequestFactory(), method)("/my/clinical/")
    request.COOKIES[access.cookie_name(CLINICAL.code)] = cookie
    request.session = {}
    return page(request)


def birth(day: object, month: object, year: object) -> dict:
    return {"purpose": CLINICAL.code, "day": day, "month": month, "year": year}


def test_before_anything_clinical_her_date_of_birth_is_asked(patient, clinical):
    browser = opened(a_token(patient, clinical.code))
    before = as_clinical(browser.cookies["stratum_my_test_clinical"].value)
    assert b"Your date of birth" in before.content
    assert b"what is normal" not in before.content
    # A form sent to the page itself does not slip by.
    assert b"what is normal" not in as_clinical(browser.cookies["stratum_my_test_clinical"].value, "post").content
    answer = browser.post("/my/birth/", birth(9, 6, 1992))
    assert (answer.status_code, answer.headers["Location"]) == (302, CONTACT)
    assert as_clinical(browser.cookies["stratum_my_test_clinical"].value).content == b"what is normal today"


def test_a_wrong_date_says_how_many_tries_are_left_and_the_fifth_ends_it(patient, clinical):
    token = a_token(patient, clinical.code)
    browser = opened(token)
    said = [browser.post("/my/birth/", birth(1, 1, 1970)) for _ in range(5)]
    assert [answer.status_code for answer in said] == [422] * 4 + [404]
    assert "4 tries are left" in said[0].content.decode()
    assert "one try is left" in said[3].content.decode()
    # The fifth says what has happened: to open the same link again, which other ended links advise, would lead nowhere.
    assert "This link is closed" in words(said[4])
    assert "newest message" not in words(said[4])
    assert "tel:02079460100" in words(said[4])
    assert browser.post("/my/birth/", birth(9, 6, 1992)).status_code == 404
    assert Client().get(f"/my/{token}/").headers["Location"] == "/my/over/"


def test_whoever_comes_back_to_a_page_that_refused_a_date_is_asked_again(patient, clinical):
    """A telephone that has put the page away loads its address anew."""
    browser = opened(a_token(patient, clinical.code))
    refused = words(browser.post("/my/birth/", birth(1, 1, 1970)))
    [address] = re.findall(r'method="post" action="(/my/birth/[^"]*)"', refused)
    assert browser.get(address).headers["Location"] == CONTACT
    assert [browser.get(f"/my/birth/{asked}").status_code for asked in ("", "?purpose=nonsense")] == [404, 404]


@pytest.mark.parametrize(
    "typed", [("", "", ""), ("31", "2", "1992"), ("x", "6", "1992"), ("9", "6", "9" * 30), ("\x00", "1", "2")]
)
def test_what_is_no_day_costs_no_try(patient, clinical, typed):
    token = a_token(patient, clinical.code)
    answer = opened(token).post("/my/birth/", birth(*typed))
    assert answer.status_code == 422
    assert "Enter the day, the month" in answer.content.decode()
    assert row_of(token).wrong_births == 0


def test_a_date_of_birth_without_a_link_is_told_to_nobody(patient, clinical):
    for purpose in (CLINICAL.code, "contact", "nonsense", ""):
        assert Client().post("/my/birth/", birth(9, 6, 1992) | {"purpose": purpose}).status_code == 404


def others_than_links() -> dict[str, str]:
    """A fingerprint of everything but how often a link was opened."""
    prints = fingerprint()
    prints.pop(PatientLink._meta.db_table)
    links = PatientLink.objects.order_by("pk")
    counted = {"opened", "last_opened_at"}
    names = [field.attname for field in PatientLink._meta.concrete_fields if field.attname not in counted]
    return prints | {"links": str(list(links.values_list(*names)))}


def test_a_scanner_that_follows_every_link_by_get_and_head_changes_nothing(patient, clinical):
    """But for the count of openings: a limit that GET did not count would limit nobody who only reads."""
    token = a_token(patient)
    addresses = [
        f"/my/{token}/",
        f"/my/{token}/stop/",
        CONTACT,
        "/my/contact/stop/",
        "/my/over/",
        f"/my/{a_token(patient, clinical.code)}/",
    ]
    before = others_than_links()
    scanner = Client()
    for address in addresses * 2:
        for method in (scanner.head, scanner.get):
            answer = method(address, follow=True)
            assert answer.status_code in (200, 404), address
    assert others_than_links() == before
    assert row_of(token).opened == 4
    # The control: the same walk with a press is noticed.
    scanner.post("/my/contact/stop/")
    assert others_than_links() != before


def test_a_scanner_that_only_knocks_uses_up_no_opening(patient):
    token = a_token(patient)
    for _ in range(30):
        answer = Client().head(f"/my/{token}/")
        assert (answer.status_code, answer.cookies) == (200, {})
    assert row_of(token).opened == 0


def test_no_page_stands_at_an_address_with_a_token(patient):
    """So none comes into a history or a Referer: every address with one answers with a redirect, or in plain words."""
    for token in (a_token(patient), "C" * 43, ended(patient)):
        for path in (f"/my/{token}/", f"/my/{token}/stop/"):
            answer = Client().get(path)
            assert answer.status_code == 302
            assert token not in urlsplit(answer.headers["Location"]).path


def test_a_page_says_how_long_its_link_lasts_in_real_time(patient):
    answer = opened(a_token(patient)).get(CONTACT)
    assert "This link is yours alone. It ends in 59 days." in answer.content.decode()
