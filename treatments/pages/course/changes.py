"""Change the course: the pages on which it is paused, resumed, made shorter or longer, replaced, stopped. One family: a reason,
what it does to visits and messages, and one press."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock
from clinic.errors import Busy, DomainError
from clinic.forms import refuse
from clinic.models import Membership
from clinic.roles import Role, allow
from clinic.submissions import answered, once
from treatments.flows import life_events
from treatments.flows.life_events import Ahead, What
from treatments.pages.course import effects as course_effects
from treatments.pages.course.effects import Effect
from treatments.pages.header import open_url, patient_header
from treatments.pages.scores import open_reviews
from treatments.plans import life, reasons
from treatments.plans.forms import (
    ChangeForm,
    ExtendForm,
    PauseForm,
    ReplaceForm,
    ResumeForm,
    ShortenForm,
    StopForm,
)
from treatments.plans.models import CourseChange, TreatmentPlan

DESK_TOO = (Role.FRONT_DESK, Role.CLINICIAN)
SEEN_FIRST = "This is what it does now. Look at it, then press again."


@dataclass(frozen=True)
class Page:
    """A page of the family: what is asked, what it does, and the press."""

    what: str
    title: str
    lede: str
    act: str
    danger: bool = False
    # Something is chosen here on which hangs what it does.
    looks: bool = False


PAUSE = Page(
    What.PAUSED, "Pause the course?",
    "Nothing is to book and nobody is called to book until it goes on. What was done stays, and counts.",
    "Pause the course", looks=True,
)  # fmt: skip
PAUSE_ANEW = Page(
    What.PAUSED, "Change the pause?", "The course is paused. Give the pause another last day, or another reason.",
    "Change the pause", looks=True,
)  # fmt: skip
RESUME = Page(
    What.RESUMED, "Go on with the course?",
    "The answers are judged anew, and every window to come counts from the last session and from today.",
    "Go on with the course",
)  # fmt: skip
SHORTEN = Page(
    What.SHORTENED, "Make the course shorter?", "The last sessions are left out. None that is done or has begun is.",
    "Make it shorter", looks=True,
)  # fmt: skip
EXTEND = Page(
    What.EXTENDED, "Make the course longer?", "Sessions are added at the end, at the distances of this course.",
    "Make it longer", looks=True,
)  # fmt: skip
REPLACE = Page(
    What.REPLACED, "Replace the course?",
    "This course ends, and a new plan opens as a draft. It is submitted, signed for and activated like any other; the sessions "
    "that are done count in it, and the shortest interval runs on from them. This cannot be undone.",
    "Replace it", danger=True,
)  # fmt: skip


def _plan(request: HttpRequest, ref: UUID) -> TreatmentPlan:
    return get_object_or_404(request.clinic.plans.select_related("patient__clinic", "clinic"), ref=ref)


# ── Pause and resume ──────────────────────────────────────────────────────────


@allow(*DESK_TOO, methods=["GET", "POST"])
def course_pause(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The desk pauses for reasons that need no decision of medicine."""
    plan = _plan(request, ref)
    form = PauseForm(
        _data(request), plan=plan, clinical=request.membership.may_see_clinical, initial={"until": plan.paused_until}
    )
    until = form.said().get("until")
    ahead = life_events.ahead_of_pause(plan, until)
    form.offer_to_keep([str(visit.ref) for visit in ahead.goes])

    def act() -> str:
        said = form.cleaned_data
        life_events.pause(
            plan=plan, until=said["until"], reason=said["reason"], note=said["note"], seen=said["seen"], by=request.membership,
            cancel=[visit.ref for visit in ahead.goes if str(visit.ref) not in said["keep"]],
        )  # fmt: skip
        return f"Course paused {life_events.until_words(said['until'])}."

    page = PAUSE_ANEW if plan.is_paused else PAUSE
    effect = course_effects.of_pause(plan, ahead, until, kept=form.kept(), membership=request.membership)
    return _answer(request, plan, page, form, effect, ahead, act)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def course_resume(request: HttpRequest, ref: UUID) -> HttpResponse:
    plan = _plan(request, ref)
    form = ResumeForm(_data(request), plan=plan, clinical=True)
    # A course that does not wait has nothing to bring along.
    effect = course_effects.of_resuming(plan, request.membership) if life.may(plan, What.RESUMED) else Effect()

    def act() -> str:
        life_events.resume(plan=plan, note=form.cleaned_data["note"], by=request.membership)
        return "Course goes on. Its sessions can be booked again."

    review = open_reviews().filter(plan__patient=plan.patient_id).first()
    if review is None:
        return _answer(request, plan, RESUME, form, effect, None, act)
    cannot = "A score rose too far. A clinician reviews it before a course of this patient begins or goes on."
    way = ("Review the course", reverse("treatments:course_review", args=[review.ref]))
    return _answer(request, plan, RESUME, form, effect, None, act, cannot=cannot, way=way)


# ── Fewer and more sessions ───────────────────────────────────────────────────


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def course_shorten(request: HttpRequest, ref: UUID) -> HttpResponse:
    plan = _plan(request, ref)
    numbers = range(life_events.fewest(plan), plan.sessions_planned)
    form = ShortenForm(
        _data(request), plan=plan, clinical=True, numbers=numbers, initial={"count": plan.sessions_planned - 1}
    )
    to = form.said().get("count") or plan.sessions_planned - 1
    ahead = life_events.ahead_of_shortening(plan, to)

    def act() -> str:
        said = form.cleaned_data
        life_events.shorten(
            plan=plan,
            to=said["count"],
            reason=said["reason"],
            note=said["note"],
            seen=said["seen"],
            by=request.membership,
        )
        return f"The course has {said['count']} session{'' if said['count'] == 1 else 's'} now."

    cannot = "" if numbers else "Every session of this course is done or has begun: none can be left out."
    effect = course_effects.of_shortening(plan, ahead, to) if numbers else Effect()
    return _answer(request, plan, SHORTEN, form, effect, ahead, act, cannot=cannot)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def course_extend(request: HttpRequest, ref: UUID) -> HttpResponse:
    plan = _plan(request, ref)
    most, cannot, way = _room_to_grow(plan)
    numbers = range(plan.sessions_planned + 1, most + 1)
    form = ExtendForm(
        _data(request), plan=plan, clinical=True, numbers=numbers, initial={"count": plan.sessions_planned + 1}
    )
    to = form.said().get("count") or plan.sessions_planned + 1

    def act() -> str:
        said = form.cleaned_data
        life_events.extend(plan=plan, to=said["count"], reason=said["reason"], note=said["note"], by=request.membership)
        return f"The course has {said['count']} sessions now."

    effect = Effect() if cannot else course_effects.of_extending(plan, to)
    return _answer(request, plan, EXTEND, form, effect, None, act, cannot=cannot, way=way)


def _room_to_grow(plan: TreatmentPlan) -> tuple[int, str, tuple[str, str] | None]:
    """Up to how many sessions; or why none is added, and where that is put right (label and address)."""
    if not life.may(plan, What.EXTENDED):
        return plan.sessions_planned, "", None
    replace = ("Replace the course", reverse("treatments:course_replace", args=[plan.ref]))
    try:
        most = life.asked_of(plan).most
        review = life_events.before_it_grows(plan)
    except DomainError as refusal:
        return plan.sessions_planned, refusal.sentence, replace
    if most <= plan.sessions_planned:
        said = (
            f"The protocol permits {most} sessions at most. Complete this course and plan another one, or replace it."
        )
        return most, said, replace
    if review is not None:
        scores = ("Record a score", reverse("treatments:scores", args=[plan.patient.ref]))
        return most, review.said, scores if review.is_due else None
    return most, "", None


# ── Another one in its place, or none ─────────────────────────────────────────


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def course_replace(request: HttpRequest, ref: UUID) -> HttpResponse:
    plan = _plan(request, ref)
    today = clock.today(request.clinic)
    form = ReplaceForm(
        _data(request), plan=plan, clinical=True, today=today, numbers=range(1, life.MOST_SESSIONS + 1),
        kinds=course_effects.kinds_of_course(plan), initial={"count": plan.sessions_planned, "starts_on": today},
    )  # fmt: skip
    ahead = life_events.ahead_of_the_end(plan)

    def act() -> str:
        said = form.cleaned_data
        new = life_events.replace(
            plan=plan, starts_on=said["starts_on"], count=said["count"], reason=said["reason"], note=said["note"],
            as_assessed=said.get("as_assessed", False), seen=said["seen"], by=request.membership,
        )  # fmt: skip
        messages.success(
            request, f"Plan {plan.number} has ended. This draft takes its place: submit it when it is right."
        )
        return reverse("treatments:course", args=[new.ref])

    return _answer(request, plan, REPLACE, form, course_effects.of_the_end(plan, ahead), ahead, act)


@allow(Role.CLINICIAN, methods=["GET", "POST"])
def plan_stop(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Stop a course, or withdraw a plan that has not begun."""
    plan = _plan(request, ref)
    label = course_effects.stop_label(plan)
    page = Page(
        What.STOPPED, f"{label}?",
        "What was done stays on record. It does not start again: plan a new one. This cannot be undone.",
        label, danger=True,
    )  # fmt: skip
    form = StopForm(_data(request), plan=plan, clinical=True)
    ahead = life_events.ahead_of_the_end(plan)

    def act() -> str:
        said = form.cleaned_data
        life_events.stop(plan=plan, reason=said["reason"], note=said["note"], seen=said["seen"], by=request.membership)
        return "Course stopped. Its coming visits are cancelled." if ahead.goes else "Course stopped."

    return _answer(request, plan, page, form, course_effects.of_the_end(plan, ahead), ahead, act)


# ── Taken back ────────────────────────────────────────────────────────────────


@allow(*DESK_TOO, methods=["POST"])
def course_undo(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Take the newest change of a course back; a refusal is said on the course page."""
    rows = CourseChange.objects.select_related("plan__patient__clinic", "plan__clinic")
    change = get_object_or_404(rows, ref=ref, plan__clinic=request.clinic)
    back = reverse("treatments:course", args=[change.plan.ref])

    def take_back() -> str:
        life_events.undo(change=change, by=request.membership)
        messages.success(request, "Undone. The course and its visits are as they were.")
        return back

    try:
        return once(request, take_back)
    except DomainError as refusal:
        page = Page(change.what, "Not undone", "The course stays as it is.", "")
        header = patient_header(change.plan.patient, membership=request.membership, tab="course", plan=change.plan)
        context = {"page": page, "plan": change.plan, "header": header, "cannot": refusal.sentence, "back": back}
        return render(request, "treatments/plans/change.html", context, status=422)


# ── What the pages share ──────────────────────────────────────────────────────


def _data(request: HttpRequest):
    return request.POST if request.method == "POST" else None


def _answer(
    request: HttpRequest,
    plan: TreatmentPlan,
    page: Page,
    form: ChangeForm,
    effect: Effect,
    ahead: Ahead | None,
    act: Callable[[], str],
    *,
    cannot: str = "",
    way: tuple[str, str] | None = None,
) -> HttpResponse:
    """The page, or what came of the press. A press on visits other than those that were shown shows these first. `cannot`: why
    there is nothing to press, `way`: where that is put right."""
    status, back = 200, reverse("treatments:course", args=[plan.ref])
    only_looks = request.method == "POST" and "look" in request.GET
    # A second press finds things changed by the first: it is answered as that one was.
    if request.method == "POST" and not only_looks and (before := answered(request)) is not None:
        return before

    def done() -> str:
        said = act()
        # What opened another page has said so itself, and goes there.
        if said.startswith("/"):
            return said
        messages.success(request, said)
        return back

    if only_looks:
        # Why is said at the press: who only looks has not forgotten it.
        for name in ("reason", "note"):
            form.errors.pop(name, None)
    elif request.method == "POST":
        status = 422
        if not cannot and form.is_valid():
            if ahead is not None and form.cleaned_data["seen"] != ahead.seen and (ahead.goes or ahead.waiting):
                form.add_error(None, SEEN_FIRST)
            else:
                try:
                    return once(request, done)
                except Busy as refusal:
                    status = 409
                    refuse(form, refusal)
                except DomainError as refusal:
                    refuse(form, refusal)
    if not life.may(plan, page.what):
        is_over = plan.has_ended or page.what == What.RESUMED
        status_words = plan.get_status_display().lower()
        cannot = (
            f"This plan is {status_words} already." if is_over else f"This plan is {status_words}: it has not begun."
        )
    context = {
        "page": page,
        "plan": plan,
        "form": form,
        "effect": effect,
        "seen": ahead.seen if ahead else "",
        "cannot": cannot,
        "way": way,
        "back": back,
        "header": patient_header(plan.patient, membership=request.membership, tab="course", plan=plan),
    }
    return render(request, "treatments/plans/change.html", context, status=status)


def ways_to_change(plan: TreatmentPlan, membership: Membership) -> list[dict]:
    """What a member may do with a course, for its page: label, what it is for, address. The one that is next first."""
    offered = (
        (What.RESUMED, "course_resume", "Go on with the course", "Judged anew, with windows from today."),
        (
            What.PAUSED, "course_pause", "Change the pause" if plan.is_paused else "Pause the course",
            "Nothing to book, until a day or until somebody says so.",
        ),
        (What.SHORTENED, "course_shorten", "Make it shorter", "Fewer sessions than planned."),
        (What.EXTENDED, "course_extend", "Make it longer", "More sessions, as far as the protocol permits."),
        (What.REPLACED, "course_replace", "Replace it", "It ends, and a new draft takes over what it is for."),
        (What.STOPPED, "plan_stop", course_effects.stop_label(plan), "It ends for good, with its coming visits."),
    )  # fmt: skip
    return [
        {"label": label, "text": text, "url": url, "danger": what == What.STOPPED, "primary": what == What.RESUMED}
        for what, route, label, text in offered
        if life.may(plan, what) and (url := open_url(f"treatments:{route}", [plan.ref], membership))
    ]


def paused_words(plan: TreatmentPlan, *, today: date) -> str:
    """ "Paused until Mon 1 Mar", or since when, where nobody knows for how long."""
    if plan.paused_until is None:
        return "Paused, without an end yet"
    return f"Paused {life_events.until_words(plan.paused_until)}" + (
        ", which is over" if plan.paused_until < today else ""
    )


def _why(change: CourseChange, *, clinical: bool) -> str:
    """The desk reads the reasons that it may give itself, and no words beside them."""
    if clinical:
        return reasons.words(change.what, change.reason, change.note)
    is_readable = reasons.may_be_read_by_desk(change.what, change.reason)
    return reasons.label(change.what, change.reason) if is_readable else ""


def last_change(plan: TreatmentPlan, membership: Membership, *, today: date) -> dict | None:
    """What happened to a course last, with its reason where this member may read it, and where it is undone, if it still can
    be. One query, and none of a plan that has not begun."""
    if not (plan.is_under_way or plan.has_ended):
        return None
    change = plan.changes.select_related("made_by").first()
    if change is None or change.undone_at is not None:
        return None
    undo = life_events.may_be_undone(change, plan, by=membership, today=today)
    return {
        "what": change.what,
        "title": change.get_what_display(),
        "words": _why(change, clinical=membership.may_see_clinical),
        "at": change.made_at,
        "by": change.made_by.full_name,
        "undo_url": reverse("treatments:course_undo", args=[change.ref]) if undo else "",
    }
