"""What the demo's patients told us from their links lately: how their skin is, that something has changed, that another time
would suit them better; and a link at which somebody guessed.

Days are offsets from the demo's today; patients are named by the number of their story. Everything goes through the flows
that their pages use; only the page itself is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import partial
from uuid import uuid4

from django.db.models import F

from clinic import clock
from patients.links import services as links
from patients.links.purposes import LETTER, Wanted
from patients.models import Message, Patient, PatientLink
from treatments.appointments.by_patient.asking import asked_before_a_visit
from treatments.appointments.by_patient.wishes import Wishes
from treatments.appointments.models import COMING, Appointment
from treatments.demo import cast
from treatments.flows import changes, check_in, move_requests
from treatments.pages.patient.purposes import AFTERCARE, CHANGES, VISIT
from treatments.protocol.triage import Answers
from treatments.sessions.models import TreatmentSession


@dataclass(frozen=True)
class Heals:
    """How her skin is, some days after her last session."""

    story: int
    on: int
    at: time
    said: Answers
    note: str = ""


HEALING = (
    # Red: the emergency advice was shown, a reaction is open and holds her next visit.
    Heals(
        13,
        0,
        time(10, 12),
        Answers(redness=3, swelling=2, pain=6, signs=frozenset({"fever_confused"})),
        "Since last night",
    ),
    # Amber: a clinician looks on the same day.
    Heals(
        37, 0, time(9, 31), Answers(redness=2, swelling=0, pain=3, signs=frozenset({"pus"})), "Only on the left cheek"
    ),
    Heals(49, -1, time(19, 5), Answers(redness=0, swelling=0, pain=0)),
)


@dataclass(frozen=True)
class Changed:
    """Her answer to "anything changed?" before the next visit: one thing has."""

    story: int
    at: time
    code: str
    days_ago: int


CHANGED = (Changed(116, time(10, 21), "sun_tan_exposure", 1),)


@dataclass(frozen=True)
class Wish:
    """Another time for her next visit."""

    story: int
    at: time
    wishes: Wishes


WISHES = (Wish(20, time(10, 33), Wishes(weekdays=(1, 3), from_time=time(15), note="New hours at work")),)
# Whose date of birth somebody tried to guess, and when.
GUESSED, GUESSED_AT = 61, time(10, 5)
# When she who shares a mailbox read the words of her letter.
READ_AT = time(9, 12)
# Whose links were opened, so that her page says how often.
OPENED = {13: 3, 37: 1, 49: 2, 116: 2, 20: 1}


def heard() -> list[tuple[int, int, time, Callable[[Patient], None]]]:
    """In the order in which it was told: story, day, wall time, and what the patient does."""
    found = [(one.story, one.on, one.at, partial(heal, one)) for one in HEALING]
    found += [(one.story, 0, one.at, partial(tell_of_change, one)) for one in CHANGED]
    found += [(one.story, 0, one.at, partial(wish, one)) for one in WISHES]
    found += [(GUESSED, 0, GUESSED_AT, guess), (cast.DAUGHTER, 0, READ_AT, read_her_letter)]
    return sorted(found, key=lambda one: one[1:3])


def heal(told: Heals, patient: Patient) -> None:
    session = _last_session(patient)
    if session is not None:
        link = _opened(patient, told.story, Wanted(AFTERCARE.code, about=session.ref))
        check_in.tell(session=session, once=uuid4(), said=told.said, note=told.note, link=link)


def tell_of_change(told: Changed, patient: Patient) -> None:
    visit = _next_visit(patient)
    if visit is None:
        return
    today = clock.today(patient.clinic)
    given = [
        {"code": one.rule.code, "value": "yes", "on": today - timedelta(days=told.days_ago), "detail": ""}
        if one.rule.code == told.code
        else {"code": one.rule.code, "value": "yes" if one.rule.raised_by == "no" else "no", "on": None, "detail": ""}
        for one in asked_before_a_visit(patient, today=today)
        if one.is_open or one.rule.code == told.code
    ]
    link = _opened(patient, told.story, Wanted(CHANGES.code, about=visit.ref))
    changes.report(visit=visit, version=visit.schedule_version, answers=given, link=link, once=uuid4())


def wish(told: Wish, patient: Patient) -> None:
    visit = _next_visit(patient)
    if visit is not None:
        link = _opened(patient, told.story, Wanted(VISIT.code, about=visit.ref))
        move_requests.ask(visit=visit, version=visit.schedule_version, wishes=told.wishes, link=link)


def guess(patient: Patient) -> None:
    """Somebody who is not she, or does not know what we have on record."""
    session = _last_session(patient)
    link = _issued(patient, Wanted(AFTERCARE.code, about=session.ref if session else None))
    for year in range(1980, 1980 + links.BIRTH_TRIES):
        links.prove_birth(link=link, born_on=date(year, 1, 1))


def read_her_letter(patient: Patient) -> None:
    """Her mailbox is her mother's too, so what to leave out before her visit stood behind her date of birth."""
    letter = Message.objects.filter(patient=patient, kind="precare_14d", handed_off_at__isnull=False).last()
    if letter is not None:
        [token] = links.issue([links.Order(patient, Wanted(LETTER.code, about=letter.ref), letter)])
        issued = PatientLink.objects.filter(token_sha256=links.hash_of(token))
        issued.update(opened=1, last_opened_at=F("made_at"))


def _last_session(patient: Patient) -> TreatmentSession | None:
    done = TreatmentSession.objects.filter(patient=patient, signed_at__isnull=False)
    return done.select_related("clinic", "patient__clinic", "plan").order_by("-on", "-pk").first()


def _next_visit(patient: Patient) -> Appointment | None:
    coming = Appointment.objects.filter(patient=patient, status__in=COMING, during__startswith__gt=clock.now())
    return coming.select_related("clinic", "patient__clinic").order_by("during").first()


def _opened(patient: Patient, story: int, wanted: Wanted) -> PatientLink:
    link = _issued(patient, wanted)
    PatientLink.objects.filter(pk=link.pk).update(opened=OPENED.get(story, 1), last_opened_at=link.made_at)
    return link


def _issued(patient: Patient, wanted: Wanted) -> PatientLink:
    """With the newest of her mails about the same thing, if there is one. Nobody has its token: it was never shown."""
    message = Message.objects.filter(patient=patient, about=wanted.about, handed_off_at__isnull=False).last()
    [token] = links.issue([links.Order(patient, wanted, message)])
    return PatientLink.objects.select_related("patient__clinic", "clinic").get(token_sha256=links.hash_of(token))
