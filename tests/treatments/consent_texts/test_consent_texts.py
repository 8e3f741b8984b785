"""Versions of the consent text: written, looked at, approved by somebody else; and who has to sign anew."""

import re
import uuid
from datetime import timedelta
from html import unescape

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import InternalError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import DomainError, constraint_name
from clinic.models import AuditEvent
from patients.models import Consent, ConsentText
from patients.services import consent_texts as texts
from patients.services import consent_wording as wording
from patients.services import consents
from tests import factories
from tests.fixtures.browser import wrong_in_every_view
from treatments.pages import consent_reach
from treatments.plans.services import TECHNIQUES

LIST = "/settings/consent/"
NEW = f"{LIST}en/new/"
SHIPPED = wording.languages()["en"].shipped
BETTER = SHIPPED.replace(
    "# What can go wrong\n", "# What can go wrong\nA burn is possible where the skin was lasered before.\n"
)


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def press(client, url: str, **typed):
    return client.post(url, {"submit_token": str(uuid.uuid4())} | typed)


def written(clinic, by, *, body: str = BETTER, asks_again: bool = True, why: str = "A new risk") -> ConsentText:
    seen = texts.newest_version(clinic, "en")
    return texts.write(
        clinic=clinic, language="en", body=body, why=why, asks_again=asks_again, by=by, seen_version=seen
    )


def refused(act) -> DomainError:
    with pytest.raises(DomainError) as caught:
        act()
    return caught.value


class TestTheWords:
    def test_the_shipped_text_has_nothing_against_it_and_every_technique_has_its_risks(self):
        for code, language in wording.languages().items():
            assert wording.problems(language.shipped, code) == []
            assert set(TECHNIQUES) <= set(language.risks)
        assert list(wording.languages())[0] == "en"

    @pytest.mark.parametrize("name", wording.FIELDS)
    def test_each_field_has_to_stand_in_it(self, name):
        assert [
            said for said in wording.problems(SHIPPED.replace(f"${name}", "…"), "en") if said.startswith(f"${name} ")
        ]

    @pytest.mark.parametrize("risk", wording.languages()["en"].risks["microneedling"])
    def test_each_risk_has_to_be_named(self, risk):
        body = SHIPPED
        for word in wording.languages()["en"].risks["microneedling"][risk]:
            body = re.sub(word, "…", body, flags=re.IGNORECASE)
        assert any(risk in said for said in wording.problems(body, "en"))

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ("", "Write the text."),
            ("x" * 40_001, "The text has 40,001 characters, and there is room for 40,000."),
            (SHIPPED + "It costs $ 5.\n", "a $ begins a field"),
            (SHIPPED + "Call $her_mother.\n", "There is no field $her_mother."),
            ("Hello.\n" + SHIPPED, "Begin with a heading"),
            (SHIPPED + "# And then\n", "Nothing stands under “And then”."),
            (SHIPPED + "Book now and save!\n", "sells. A consent informs."),
        ],
    )
    def test_what_must_not_be_signed_is_said(self, body, said):
        assert any(said in one for one in wording.problems(body, "en"))

    def test_a_dollar_sign_may_be_written(self):
        assert wording.problems(SHIPPED + "It costs $$5.\n", "en") == []


@pytest.mark.django_db
class TestTwoPeople:
    def test_nobody_signs_it_before_a_prescriber_has_approved_it(self, clinic, active_plan, manager_member, prescriber_member):  # fmt: skip
        before = consents.current_text(clinic=clinic)
        newer = written(clinic, manager_member)
        assert consents.current_text(clinic=clinic) == before
        assert texts.approve(text=newer, by=prescriber_member).approved_by == prescriber_member.user
        assert consents.current_text(clinic=clinic) == newer
        said = AuditEvent.objects.get(action="consent_text.approved")
        assert said.facts["version"] == 2 and said.facts["asks_again"] is True

    def test_the_database_keeps_a_signature_from_under_it(self, clinic, active_plan, manager_member):
        newer = written(clinic, manager_member)
        signed = Consent.objects.get()
        signed.pk, signed.ref, signed.text = None, uuid.uuid4(), newer
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            signed.save(force_insert=True)
        assert constraint_name(caught.value) == "consent_text_counts"

    def test_asking_again_ends_what_was_signed_and_not_asking_does_not(self, clinic, active_plan, manager_member, prescriber_member):  # fmt: skip
        def valid() -> bool:
            return consents.valid_consent(
                patient=active_plan.patient, techniques=active_plan.techniques, depth_class=active_plan.depth_class,
                at=factories.NOW + timedelta(minutes=1),
            ) is not None  # fmt: skip

        texts.approve(text=written(clinic, manager_member, asks_again=False), by=prescriber_member)
        assert valid()
        again = written(clinic, manager_member, body=BETTER + "We say it once more.\n")
        assert valid()
        texts.approve(text=again, by=prescriber_member)
        assert not valid()

    def test_only_a_manager_writes_and_only_a_prescriber_approves(self, clinic, active_plan, manager_member, clinician_member, prescriber_member):  # fmt: skip
        assert "Only a manager" in refused(lambda: written(clinic, prescriber_member)).sentence
        newer = written(clinic, manager_member)
        for by in (manager_member, clinician_member):
            assert "Only a prescriber" in refused(lambda by=by: texts.approve(text=newer, by=by)).sentence
        assert "Only a manager or a prescriber" in refused(lambda: texts.set_aside(text=newer, by=clinician_member)).sentence  # fmt: skip

    def test_who_wrote_it_does_not_approve_it_unless_she_is_alone(self, clinic, active_plan, manager_member, prescriber_member):  # fmt: skip
        manager_member.roles = ["manager", "prescriber"]
        manager_member.save(update_fields=["roles"])
        newer = written(clinic, manager_member)
        assert "it takes two people" in refused(lambda: texts.approve(text=newer, by=manager_member)).sentence
        prescriber_member.is_active = False
        prescriber_member.save(update_fields=["is_active"])
        assert texts.approve(text=newer, by=manager_member).approved_at

    def test_what_was_decided_stays(self, clinic, active_plan, manager_member, prescriber_member):
        first = written(clinic, manager_member)
        texts.set_aside(text=first, by=prescriber_member)
        assert "set aside" in refused(lambda: texts.approve(text=first, by=prescriber_member)).sentence
        second = texts.approve(text=written(clinic, manager_member), by=prescriber_member)
        assert second.version == 3
        assert "was approved" in refused(lambda: texts.set_aside(text=second, by=manager_member)).sentence
        for change in ({"approved_at": None, "approved_by": None}, {"body": "x"}, {"why": "x"}, {"asks_again": False}):
            with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
                ConsentText.objects.filter(pk=second.pk).update(**change)
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            ConsentText.objects.filter(version=1).update(ask_again=False)
        assert constraint_name(caught.value) == "consent_text_goes_one_way"

    def test_one_waits_at_a_time_and_who_was_slower_is_told(self, clinic, active_plan, manager_member):
        seen = texts.newest_version(clinic, "en")
        written(clinic, manager_member)
        assert "waits for a prescriber already" in refused(lambda: written(clinic, manager_member, body=BETTER + "x\n")).sentence  # fmt: skip
        late = refused(
            lambda: texts.write(
                clinic=clinic,
                language="en",
                body=BETTER,
                why="x",
                asks_again=False,
                by=manager_member,
                seen_version=seen,
            )  # fmt: skip
        )
        assert "Somebody else has written a version meanwhile" in late.sentence

    def test_the_same_words_and_no_reason_are_refused(self, clinic, active_plan, manager_member):
        assert "count already" in refused(lambda: written(clinic, manager_member, body=SHIPPED)).sentence
        assert refused(lambda: written(clinic, manager_member, why=" ")).field == "why"


@pytest.mark.django_db
class TestWhoSignsAnew:
    def test_courses_under_way_with_their_next_visit(self, clinic, active_plan):
        (row,) = consent_reach.reached(clinic, "en")
        assert (row.plan, row.visit) == (active_plan, None)
        visit = factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=7))
        assert consent_reach.reached(clinic, "en")[0].visit == visit
        assert consent_reach.reached(clinic, "pl") == []

    def test_whose_signature_does_not_count_any_more_is_not_among_them(self, clinic, active_plan, clinician_member):
        consents.withdraw(consent=Consent.objects.get(), reason="By telephone", by=clinician_member.user)
        assert consent_reach.reached(clinic, "en") == []

    def test_it_costs_the_same_for_many(self, clinic, active_plan, manager):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert manager.get(NEW).status_code == 200
            return len(captured)

        manager.get(NEW)
        few = queries()
        for _ in range(3):
            factories.make_active_plan(factories.make_patient(clinic))
        assert queries() == few and len(consent_reach.reached(clinic, "en")) == 4


@pytest.mark.django_db
class TestThePages:
    TYPED = {"body": BETTER, "why": "A new risk", "asks_again": "yes", "seen": "1"}

    def test_from_writing_to_signing(self, manager, prescriber, clinician, clinic, active_plan):
        kept = press(manager, NEW, **self.TYPED)
        assert kept.status_code == 302
        page = manager.get(kept.headers["Location"])
        assert "A burn is possible where the skin was lasered before." in text(page)
        assert "Ana Example" in text(page) and "1 course under way rests on a signature" in text(page)
        assert "Approve version 2" not in text(page)
        assert "Waits for a prescriber" in text(clinician.get(LIST))
        newer = ConsentText.objects.get(version=2)
        url = reverse("treatments:consent_text_approve", args=[newer.ref])
        assert press(manager, url).status_code == press(clinician, url).status_code == 403
        assert [press(prescriber, url).status_code for _ in range(2)] == [302, 302]
        assert "version 2 is signed" in text(manager.get(LIST)) and "no longer suffices" in text(manager.get(LIST))
        consent_page = text(clinician.get(reverse("treatments:consent", args=[active_plan.ref])))
        assert "A burn is possible" in consent_page

    @pytest.mark.parametrize(
        ("typed", "field", "said"),
        [
            ({"body": SHIPPED.replace("$notes", "")}, "body", "$notes is missing: what is true of her in particular."),
            ({"body": ""}, "body", "Write the text."),
            ({"why": ""}, "why", "Write why the text changes."),
            ({"asks_again": ""}, "asks_again", "Decide whether patients under way sign anew."),
            ({"seen": "0"}, "__all__", "Somebody else has written a version meanwhile. Read theirs first."),
        ],
    )
    def test_what_is_refused_is_said_at_its_field_and_nothing_typed_is_lost(self, manager, active_plan, typed, field, said):  # fmt: skip
        answer = press(manager, NEW, **self.TYPED | typed)
        assert answer.status_code == 422
        assert answer.context["form"].errors[field][0] == said
        assert not ConsentText.objects.filter(version=2).exists()
        if "body" not in typed:
            assert "A burn is possible" in unescape(answer.content.decode())

    def test_a_preview_keeps_nothing_and_says_what_stands_against_it(self, manager, active_plan):
        shown = press(manager, NEW, **self.TYPED, preview="yes")
        assert shown.status_code == 200 and "Ana Example, born 31 January 1990" in text(shown)
        wrong = press(manager, NEW, **self.TYPED | {"body": "# A\n$nothing"}, preview="yes")
        assert "There is no field $nothing." in text(wrong)
        assert ConsentText.objects.count() == 1

    def test_a_prescriber_finds_it_on_the_worklists_until_it_is_decided(self, manager, prescriber, clinician, desk, clinic, active_plan, manager_member, prescriber_member):  # fmt: skip
        lists = "/worklists/"
        assert "Consent texts to approve" not in text(prescriber.get(lists))
        waiting = written(clinic, manager_member)
        shown = text(prescriber.get(lists))
        assert "Consent texts to approve 1" in shown
        assert f"version {waiting.version} A new risk Patients are asked to sign anew." in shown
        assert f"by {manager_member.user.full_name} Read it" in shown
        assert reverse("treatments:consent_text", args=[waiting.ref]) in prescriber.get(lists).content.decode()
        for who in (manager, clinician, desk):
            assert "Consent texts to approve" not in text(who.get(lists))
        texts.approve(text=waiting, by=prescriber_member)
        assert "Consent texts to approve" not in text(prescriber.get(lists))

    def test_her_own_waits_for_somebody_else_unless_she_is_alone(self, prescriber, clinic, active_plan, manager_member, prescriber_member):  # fmt: skip
        prescriber_member.roles = ["prescriber", "manager"]
        prescriber_member.save(update_fields=["roles"])
        written(clinic, prescriber_member)
        assert "Consent texts to approve" not in text(prescriber.get("/worklists/"))
        clinic.memberships.exclude(pk=prescriber_member.pk).update(is_active=False)
        assert "Consent texts to approve 1" in text(prescriber.get("/worklists/"))

    def test_a_version_that_waits_is_set_aside(self, manager, clinic, active_plan, manager_member):
        newer = written(clinic, manager_member)
        press(manager, reverse("treatments:consent_text_aside", args=[newer.ref]))
        assert "set aside" in text(manager.get(LIST)) and not texts.waiting_text(clinic, "en")

    def test_before_the_first_signature_the_list_says_so(self, manager, clinic):
        assert "The shipped text counts from the first signature on." in text(manager.get(LIST))
        assert not ConsentText.objects.exists(), "reading publishes nothing"

    def test_a_language_without_a_file_is_absent(self, manager):
        assert manager.get(f"{LIST}xx/new/").status_code == 404

    def test_the_list_costs_the_same_with_many_versions(self, manager, clinic, active_plan, manager_member, prescriber_member):  # fmt: skip
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert manager.get(LIST).status_code == 200
            return len(captured)

        manager.get(LIST)
        few = queries()
        for number in range(4):
            newer = written(clinic, manager_member, body=BETTER + f"Part {number}.\n", asks_again=False)
            texts.approve(text=newer, by=prescriber_member)
        assert queries() == few


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_pages_of_consent_texts_in_every_view(visitors, clinic, active_plan, manager_member, prescriber_member):
    factories.book(active_plan.planned_sessions.get(number=1), day=factories.TODAY + timedelta(days=7))
    manager = visitors().sign_in(manager_member)
    page = manager.open(NEW)
    page.locator("[name=body]").fill(SHIPPED.replace("$notes", ""))
    page.get_by_role("button", name="Keep it for approval").click()
    page.get_by_text("$notes is missing: what is true of her in particular.").first.wait_for()
    wrong = wrong_in_every_view(manager, "consent-new-refused")
    newer = written(clinic, manager_member)
    prescriber = visitors().sign_in(prescriber_member)
    prescriber.open("/worklists/")
    wrong += wrong_in_every_view(prescriber, "worklists-consent-text")
    prescriber.open(f"{LIST}versions/{newer.ref}/")
    wrong += wrong_in_every_view(prescriber, "consent-version")
    prescriber.page.get_by_role("button", name="Approve version 2").click()
    prescriber.page.get_by_role("button", name="Approve it").click()
    prescriber.page.get_by_text("is what patients sign from now on").first.wait_for()
    manager.open(LIST)
    wrong += wrong_in_every_view(manager, "consent-list")
    assert wrong == []
