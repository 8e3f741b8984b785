"""The healing check-in as a patient taps it from an aftercare mail, and the advice that answers her at once.

A press answers with the advice itself, not with a redirect to it: in an emergency one way there and back is enough.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from clinic.errors import DomainError
from clinic.models import Clinic
from clinic.roles import public
from patients.links.access import kept_quiet, over, page_context, patient_page
from patients.photos.uploads import NoLargerThanAPhoto
from patients.services import photos
from treatments.flows import check_in as flow
from treatments.pages.patient.aftercare_days import WEEK_DAYS
from treatments.protocol.catalogue import load
from treatments.protocol.triage import Answers, triage
from treatments.rules.policy import catalogue_for
from treatments.sessions.healing import services as healing
from treatments.sessions.healing.forms import NOTE_LENGTH, SCALES, Scale, Typed, read
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import TreatmentSession

SHOWN_BACK = 10
# What is said at once, whether or not it could be kept.
URGENT = ("amber_1", "red")
# More pictures of one session than anybody looks at; a link that got into wrong hands cannot fill the disk.
MOST_PHOTOS = 12
ENOUGH_PHOTOS = "We have enough photos of this treatment. Call us if you would like to show us more."
# What became of an earlier check-in, as she may read it.
HER_WORDS = {
    "green": "As expected",
    "amber_2": "We call you within three days",
    "amber_1": "Call us the same day",
    "red": "Call for help at once",
}


@dataclass(frozen=True)
class Earlier:
    """One of her check-ins, shown back."""

    day: int
    at: datetime
    words: str
    said: str
    is_urgent: bool


@csrf_exempt  # only until the size of the upload is watched: `_behind_the_link` asks for the form's token
@public(methods=("GET", "POST"))
def check_in(request: HttpRequest) -> HttpResponse:
    """GET: the form on a page of its own. POST: what she tapped, answered with what to do."""
    watched = NoLargerThanAPhoto(request)
    request.upload_handlers.insert(0, watched)
    response = _behind_the_link(request, watched)
    is_unheard = request.method == "POST" and not getattr(request, "is_heard", False)
    return _unheard(request, response) if is_unheard else response


@csrf_protect
@patient_page("aftercare")
def _behind_the_link(request: HttpRequest, watched: NoLargerThanAPhoto) -> HttpResponse:
    session = _session(request)
    if session is None:
        return over(request)
    request.is_heard = True
    return _tell(request, session, watched) if request.method == "POST" else _form_page(request, session)


def check_in_part(session: TreatmentSession, *, day: int, typed: Typed | None = None) -> dict:
    """What `_check_in.html` draws: `check_in`. One query. `day`: since the session; `typed`: what was refused, kept as it was."""
    said = typed.said if typed else Answers()
    return {
        "check_in": {
            "day": day,
            "once": typed.once if typed else uuid4(),
            "scales": scales(said, missing=typed.missing if typed else ()),
            "signs": signs(session, said),
            "note": typed.note if typed else "",
            "note_length": NOTE_LENGTH,
            "asks_again": _missing_words(typed.missing) if typed else "",
            "earlier": earlier(session),
        }
    }


def scales(said: Answers, *, missing: tuple[Scale, ...] = ()) -> list[dict]:
    """The three questions with their taps. `missing`: those whose answer is asked for once more."""
    return [
        {
            "name": scale.name,
            "question": scale.question,
            "options": [
                {"value": value, "label": value, "note": _word(scale, value)} for value in range(scale.most + 1)
            ],
            "value": "" if getattr(said, scale.name) is None else getattr(said, scale.name),
            "errors": [scale.sentence] if scale in missing else [],
        }
        for scale in SCALES
    ]


def signs(session: TreatmentSession, said: Answers) -> list[dict]:
    """What may be ticked, the most urgent first."""
    asked = healing.asked_signs(catalogue_for(session.clinic))
    return [{"code": sign.code, "text": sign.text, "ticked": sign.code in said.signs} for sign in asked]


def earlier(session: TreatmentSession, *, but: CheckIn | None = None) -> list[Earlier]:
    """Her check-ins of a session, the newest first. One query."""
    rows = session.check_ins.exclude(pk=but.pk) if but else session.check_ins.all()
    return [
        Earlier(row.day, row.answered_at, HER_WORDS[row.level], words_of(row), row.level == "red")
        for row in rows[:SHOWN_BACK]
    ]


def words_of(row: CheckIn) -> str:
    """The taps of a check-in in a line."""
    told = [
        f"{scale.name} {value} of {scale.most}" for scale in SCALES if (value := getattr(row, scale.name)) is not None
    ]
    line = ", ".join(told)
    return f"{line[:1].upper()}{line[1:]}"


def _missing_words(missing: tuple[Scale, ...]) -> str:
    """Said only where something is missing."""
    many = len(missing)
    return "" if not many else "One answer is missing" if many == 1 else f"{many} answers are missing"


def _word(scale: Scale, value: int) -> str:
    if len(scale.words) > scale.most:
        return scale.words[value]
    return scale.words[0] if value == 0 else scale.words[-1] if value == scale.most else ""


def _session(request: HttpRequest) -> TreatmentSession | None:
    """The session that her link is about, if it is hers."""
    mine = request.clinic.sessions.select_related("clinic", "patient__clinic")
    return mine.filter(ref=request.link.about, patient=request.patient).first()


def _tell(request: HttpRequest, session: TreatmentSession, watched: NoLargerThanAPhoto) -> HttpResponse:
    typed = read(request.POST)
    level = healing.judged(session, typed.said).level
    # Whatever is urgent is taken as it is. Only "all is well" is asked for in full.
    if level == healing.GREEN and typed.missing:
        return _form_page(request, session, typed=typed, status=422)
    kept, why_no_photo = _photo(request, session, watched)
    try:
        told = flow.tell(
            session=session, once=typed.once, said=typed.said, note=typed.note, photo=kept, link=request.link
        )
    except DomainError as refusal:
        photos.discard(kept)
        return _form_page(request, session, typed=typed, refusal=refusal.sentence, level=level, status=409)
    if not told.is_new:
        photos.discard(kept)
    return _answer_page(request, session, told.check_in, why_no_photo)


def _unheard(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Her answers came through no door: the page had stood open too long, or was no page of ours. Nothing is kept, but
    whoever ticked an emergency is told what to do before she is told that."""
    level = triage(read(request.POST).said, day=0, signs=load().red_flags).level
    if level not in URGENT:
        return response
    link = getattr(request, "link", None)
    clinic = link.clinic if link else _only_clinic()
    context = {"clinic": clinic, "clinic_name": clinic.sender_name if clinic else "Your clinic", "level": level}
    status = response.status_code if response.status_code >= 400 else 422
    return kept_quiet(render(request, "treatments/pages/patient/check_in_unheard.html", context, status=status))


def _only_clinic() -> Clinic | None:
    """Where several clinics share the house, naming one would say whose patient she is."""
    clinics = list(Clinic.objects.order_by("pk")[:2])
    return clinics[0] if len(clinics) == 1 else None


def _photo(
    request: HttpRequest, session: TreatmentSession, watched: NoLargerThanAPhoto
) -> tuple[photos.Kept | None, str]:
    """What was kept of her photo, and why nothing was: a photo that fails never takes her answers with it."""
    sent = request.FILES.get("photo")
    if watched.is_too_big:
        return None, photos.TOO_BIG
    if sent is None:
        return None, ""
    if session.check_ins.exclude(photo=None).count() >= MOST_PHOTOS:
        return None, ENOUGH_PHOTOS
    try:
        return photos.keep(sent), ""
    except DomainError as refusal:
        return None, refusal.sentence


def _form_page(
    request: HttpRequest,
    session: TreatmentSession,
    *,
    typed: Typed | None = None,
    refusal: str = "",
    level: str = "",
    status: int = 200,
) -> HttpResponse:
    """The form alone. `level`: of answers that could not be saved; what they call for is said all the same."""
    context = page_context(request.link) | check_in_part(session, day=healing.day_of(session), typed=typed)
    more = {"refusal": refusal, "level": level, "photo_lost": typed is not None and bool(request.FILES)}
    return render(request, "treatments/pages/patient/check_in.html", context | more, status=status)


def _answer_page(request: HttpRequest, session: TreatmentSession, told: CheckIn, why_no_photo: str) -> HttpResponse:
    catalogue = catalogue_for(session.clinic)
    named = {sign.code: sign.text for sign in catalogue.red_flags}
    context = page_context(request.link) | {
        "told": told,
        "level": told.level,
        "said": words_of(told),
        "ticked": [named[code] for code in told.flags if code in named],
        "look_by": healing.look_by(told),
        "normal": named.get("usual", ""),
        "week_days": WEEK_DAYS,
        "why_no_photo": why_no_photo,
        "earlier": earlier(session, but=told),
    }
    return render(request, "treatments/pages/patient/check_in_told.html", context)
