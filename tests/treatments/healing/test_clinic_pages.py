"""Where a check-in is seen: by clinicians with all that is in it, by the desk with a name and a number."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from clinic import clock
from clinic.models import AuditEvent
from patients.services import photos
from tests.factories import TODAY
from tests.treatments.healing.telling import a_picture, tapped, tell
from tests.treatments.today.test_following import ask
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import AdverseEvent

pytestmark = pytest.mark.django_db
TODAY_PAGE, LISTS = "/today/", "/worklists/"
# What no desk reads.
CLINICAL = (
    "breath",
    "Breath",
    "redness",
    "Redness",
    "swelling",
    "pain 2",
    "heck-in",
    "Emergency",
    "It itches",
    "day 0",
)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"


def text(response, status: int = 200) -> str:
    assert response.status_code == status
    return response.content.decode()


def url(name: str, *args) -> str:
    return reverse(f"treatments:{name}", args=args)


def listed(client, path: str = LISTS) -> list[tuple[str, ...]]:
    """Code of the list, name, what is said and until when, of the list that stands first."""
    context = client.get(path).context
    begun = (context["shown"] if path == LISTS else context["shown_calls"])[0]
    return [(begun["list"].code, call.name, call.say, call.due) for call in begun["list"].calls]


# ── The lists ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [TODAY_PAGE, LISTS])
def test_clinicians_find_the_most_urgent_first_with_its_hour_or_its_last_day(clinician, done_session, later, path):
    tell(done_session, "bumps")
    later(timedelta(minutes=5))
    tell(done_session, "pus")
    later(timedelta(minutes=5))
    tell(done_session, "breathing")
    tell(done_session)
    name = done_session.patient.full_name
    assert listed(clinician, path) == [
        ("check-ins", name, "Emergency signs: call now", "told 10:52"),
        ("check-ins", name, "Call today", "told 10:47"),
        ("check-ins", name, "Look at it within three days", "by Fri 12"),
    ]


def test_what_was_not_looked_at_in_time_says_so(clinician, done_session, later):
    tell(done_session, "bumps")
    tell(done_session, "pus")
    later(timedelta(days=4))
    assert [due for *_, due in listed(clinician)] == ["late, Tue 9 Mar", "by Fri 12"]
    calls = clinician.get(LISTS).context["shown"][0]["list"].calls
    assert [call.hue for call in calls] == ["stop", "stop"]


@pytest.mark.parametrize("persona", ["desk", "manager"])
@pytest.mark.parametrize("path", [TODAY_PAGE, LISTS])
def test_the_desk_reads_whom_a_clinician_must_call_now_and_nothing_of_why(request, done_session, persona, path):
    client, patient = request.getfixturevalue(persona), done_session.patient
    before = text(client.get(path))
    tell(done_session, "breathing", note="It itches")
    tell(done_session, "pus")
    assert listed(client, path) == [("call-now", patient.full_name, "A clinician must call now", "10:42")]
    page = text(client.get(path))
    assert "A clinician must call now" in page
    assert patient.phone in page or path == TODAY_PAGE
    for word in CLINICAL:
        assert page.count(word) == before.count(word), word


def test_the_line_leaves_when_a_clinician_has_looked(desk, clinician, done_session):
    told = tell(done_session, "breathing")
    assert len(listed(desk)) == len(listed(clinician)) == 1
    clinician.post(url("check_in", told.ref), {"submit_token": str(uuid4()), "note": "Called her: in hospital."})
    assert listed(desk) == listed(clinician) == []


def test_a_note_on_a_calm_one_is_read_on_the_page_of_all_lists_only(clinician, desk, done_session):
    tell(done_session, note="Thank you all")
    assert [say for _, _, say, _ in listed(clinician)] == ["As expected, with a note to read"]
    assert listed(clinician, TODAY_PAGE) == []
    assert listed(desk) == []


def test_another_clinic_finds_nothing_of_it(stranger, done_session):
    told = tell(done_session, "breathing", photo=photos.keep(a_picture()))
    assert listed(stranger) == listed(stranger, TODAY_PAGE) == []
    for path in (url("check_in", told.ref), url("ask_check_in", done_session.ref)):
        assert stranger.get(path).status_code == 404
        assert stranger.post(path, {"note": "x"}).status_code == 404
    assert stranger.get(reverse("patients:photo", args=[told.photo.ref])).status_code == 404


def test_today_says_nobody_to_call_only_where_nobody_is(clinician, desk, done_session):
    assert "Nobody to call" in text(desk.get(TODAY_PAGE))
    tell(done_session, "breathing")
    for client in (desk, clinician):
        assert "Nobody to call" not in text(client.get(TODAY_PAGE))


def test_today_costs_no_question_more(clinician, done_session, django_assert_max_num_queries):
    for _ in range(5):
        tell(done_session, "pus")
    clinician.get(TODAY_PAGE)
    with django_assert_max_num_queries(12):
        clinician.get(TODAY_PAGE)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("persona", ["desk", "clinician"])
def test_a_page_that_is_open_already_learns_of_it_by_its_next_question(request, done_session, persona):
    """It asks every six seconds; what it is told decides whether it fetches its lists anew."""
    client = request.getfixturevalue(persona)
    address = f"/today/visits.json?day={TODAY + timedelta(days=300)}&by=clinicians"  # a day with nothing on it
    ask(client, address)
    tag = ask(client, address)["ETag"]
    assert ask(client, address, tag).status_code == 304
    tell(done_session, "breathing")
    answer = ask(client, address, tag)
    assert answer.status_code == 200
    page = client.get(f"/today/?day={TODAY + timedelta(days=300)}")
    assert ask(client, address).json() == page.context["events"]
    parts = client.get(TODAY_PAGE, headers={"X-Background": "1"}).content.decode()
    assert done_session.patient.full_name in parts[parts.index('id="calls"') :]


def test_what_the_desks_browser_is_told_of_it_is_a_number_without_meaning(desk, done_session):
    tell(done_session, "breathing")
    told = ask(desk, f"/today/visits.json?day={TODAY}&by=clinicians").json()["told"]
    assert len(told) == 16
    assert str(CheckIn.objects.get().ref)[:8] not in told


# ── One check-in ──────────────────────────────────────────────────────────────


def test_a_clinician_reads_all_of_it(clinician, done_session, later):
    later(timedelta(days=3))
    tell(done_session, pain=1)
    told = tell(done_session, "breathing", pain=4, note="It itches", photo=photos.keep(a_picture()))
    page = text(clinician.get(url("check_in", told.ref)))
    for said in (
        "Emergency: day 3 after session 1",
        "Redness 1 of 3, swelling 1 of 3, pain 4 of 10",
        "Trouble breathing",
        "Pain 4 of 10 on day 3, 1 before",
        "It itches",
        reverse("patients:photo", args=[told.photo.ref]),
        f'href="tel:{done_session.patient.phone.replace(" ", "")}"',
        "No session until a clinician closes this reaction.",
        f"{url('session', done_session.ref)}#events-head",
        "Other check-ins of this session",
    ):
        assert said in page, said


def test_looked_at_asks_what_was_done_and_keeps_it(clinician, clinician_member, done_session):
    told = tell(done_session, "breathing")
    page = text(clinician.post(url("check_in", told.ref), {"submit_token": str(uuid4()), "note": " "}), 422)
    assert "Write what you did about this check-in." in page
    press = {"submit_token": str(uuid4()), "note": "Called her. No swelling, goes to hospital."}
    for _ in range(2):
        assert clinician.post(url("check_in", told.ref), press).status_code == 302
    told.refresh_from_db()
    assert (told.seen_by, told.seen_note) == (clinician_member.user, press["note"])
    assert AuditEvent.objects.filter(action="check_in.seen").count() == 1
    page = text(clinician.get(url("check_in", told.ref)))
    assert press["note"] in page
    assert 'name="note"' not in page


def test_somebody_was_faster(clinician, prescriber, prescriber_member, done_session):
    told = tell(done_session, "pus")
    prescriber.post(url("check_in", told.ref), {"submit_token": str(uuid4()), "note": "Called her."})
    page = text(clinician.post(url("check_in", told.ref), {"submit_token": str(uuid4()), "note": "Mine"}), 422)
    assert f"{prescriber_member.user} has looked at this check-in before." in page
    assert "Yours was not saved: “Mine”" in page
    assert CheckIn.objects.get().seen_note == "Called her."


@pytest.mark.parametrize("persona", ["desk", "manager"])
def test_nobody_else_opens_one(request, done_session, persona):
    told = tell(done_session, "breathing")
    client = request.getfixturevalue(persona)
    for path in (url("check_in", told.ref), url("ask_check_in", done_session.ref)):
        assert client.get(path).status_code == 403
        assert client.post(path, {"note": "x"}).status_code == 403
    assert CheckIn.objects.get().seen_at is None


# ── Asked by telephone ────────────────────────────────────────────────────────


def test_a_clinician_asks_by_telephone_and_a_red_answer_holds_as_hers_does(clinician, clinician_member, done_session):
    assert "Ask as it is written." in text(clinician.get(url("ask_check_in", done_session.ref)))
    press = tapped("collapse", note="By telephone")
    answers = [clinician.post(url("ask_check_in", done_session.ref), press) for _ in range(2)]
    told = CheckIn.objects.get()
    assert [answer.headers["Location"] for answer in answers] == [url("check_in", told.ref)] * 2
    assert (told.asked_by, told.level, told.note) == (clinician_member.user, "red", "By telephone")
    assert AdverseEvent.objects.get().reported_by == clinician_member.user


def test_asked_by_telephone_too_all_is_well_needs_every_answer(clinician, done_session):
    page = text(clinician.post(url("ask_check_in", done_session.ref), tapped(pain="")), 422)
    assert "Tap one answer" in page
    assert not CheckIn.objects.exists()


# ── The story ─────────────────────────────────────────────────────────────────


def test_the_timeline_has_it_with_its_level_for_clinicians_only(clinician, desk, done_session):
    told = tell(done_session, "breathing", note="It itches")
    chart = url("chart", done_session.patient.ref)
    page = text(clinician.get(chart))
    for said in ("Healing check-in, day 0", "Emergency", "It itches", url("check_in", told.ref)):
        assert said in page
    page = text(desk.get(chart))
    for word in ("Healing check-in", "It itches", "reathing"):
        assert word not in page
    assert "Healing check-in, day 0" in text(clinician.get(chart, {"show": "check_ins"}))


def test_the_moment_is_the_clinics(clinician, done_session, later):
    later(timedelta(hours=2))
    tell(done_session, "breathing")
    assert CheckIn.objects.get().answered_at == clock.now()
