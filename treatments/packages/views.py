"""A patient's packages: sold, extended, refunded, and what the desk says of a session or a missed visit, with a reason."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from clinic import clock, currencies
from clinic.resources.pressing import posted
from clinic.roles import Role, allow, member
from patients.models import Patient
from treatments.packages import page, services
from treatments.packages.forms import BurnForm, ExtendForm, ReasonForm, RefundForm, SellForm, SettleSessionForm
from treatments.packages.models import Package, PackageEntry
from treatments.packages.pressing import press
from treatments.packages.reading import of_rows, shown
from treatments.pages.header import patient_header

DESK = (Role.FRONT_DESK, Role.CLINICIAN, Role.MANAGER)
FORM = ["GET", "POST"]


@member()
def patient_packages(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Every package of hers with its history, what no package covers, and her deposits. Nothing on it is clinical."""
    patient = _patient(request, ref)
    header = patient_header(patient, membership=request.membership)
    today = header["today"]
    packages = page.packages_of(patient, header["packages"], today)
    context = {
        "patient": patient,
        "header": header,
        "packages": packages,
        "uncovered": page.uncovered_of(patient, today),
        "not_held": page.not_held_of(patient, today) if any(one.bought.left for one in packages) else [],
        "deposits": page.deposits_of(patient),
        "coming": page.coming_of(patient),
        "may_sell": patient.status == Patient.Status.ACTIVE,
        "here": request.path,
    }
    return render(request, "treatments/packages/patient.html", context)


@allow(*DESK, methods=FORM)
def package_sell(request: HttpRequest, ref: UUID) -> HttpResponse:
    patient = _patient(request, ref)
    offers = list(request.clinic.package_offers.filter(in_sale=True))
    form = SellForm(posted(request), offers=offers, currency=request.clinic.currency, today=clock.today(request.clinic))

    def sell() -> str:
        package = services.sell(patient=patient, by=request.user, **form.sale())
        return f"{package} sold to {patient.full_name}."

    nothing, way = "", None
    if patient.status != Patient.Status.ACTIVE:
        nothing, way = "This record is closed.", ("Open the chart", patient.get_absolute_url())
    elif not offers:
        nothing = "The clinic sells no package yet. A manager adds one in Settings, Packages and deposits."
        way = ("Packages and deposits", reverse("treatments:packages"))
    return press(request, patient, form, sell, title="Sell a package", act="Sell it", nothing=nothing, way=way)


@allow(*DESK, methods=FORM)
def package_extend(request: HttpRequest, ref: UUID) -> HttpResponse:
    package = _package(request, ref)
    form = ExtendForm(posted(request))

    def extend() -> str:
        services.extend(package=package, by=request.user, **form.details())
        return f"{package} is extended."

    ends = "no end" if package.until_on is None else f"{package.until_on.day} {package.until_on:%B %Y}"
    lead = f"{package.sessions_left} of {package.sessions} left. Last day now: {ends}."
    return press(request, package.patient, form, extend, title=f"Extend {package}", act="Extend it", lead=lead)


@allow(*DESK, methods=FORM)
def package_refund(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Sessions are taken back, with what was returned for them; the whole sale, where it was a mistake."""
    package = _package(request, ref)
    form = RefundForm(posted(request), package=package)

    def refund() -> str:
        entry = services.refund(package=package, by=request.user, **form.cleaned_data)
        return f"{currencies.written(entry.amount, package.currency)} of {package} refunded."

    lead = f"Sold for {package.amount_words}; {package.sessions_left} of {package.sessions} left."
    return press(
        request, package.patient, form, refund, title=f"Refund {package}", act="Refund it", lead=lead, danger=True,
        nothing="" if package.sessions_left else "No session of this package is left, so there is nothing to take back.",
    )  # fmt: skip


@allow(*DESK, methods=FORM)
def package_give_back(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A missed visit is forgiven, a refund taken back, a session freed that was taken from the wrong package."""
    entry = _entry(request, ref)
    form = ReasonForm(posted(request))

    def give_back() -> str:
        services.give_back(entry=entry, by=request.user, **form.cleaned_data)
        return "Given back."

    act = page.GIVE_BACK.get(entry.what, "Give back")
    can_be = entry.change < 0 and not entry.undone
    return press(
        request, entry.package.patient, form, give_back, title=f"{act}: {entry.package}", act=act,
        lead=f"{entry.get_what_display()}: {-entry.change} of {entry.package.sessions}. {entry.reason}".strip(),
        nothing="" if can_be else "There is nothing left to give back here.",
    )  # fmt: skip


@allow(*DESK, methods=FORM)
def package_burn(request: HttpRequest, ref: UUID) -> HttpResponse:
    """A missed or cancelled visit uses a session after all, by hand."""
    visit = get_object_or_404(request.clinic.appointments.select_related("clinic", "patient__clinic"), ref=ref)
    today = clock.today(request.clinic)
    bought = [one for one in of_rows(shown(visit.patient.packages)) if one.left]
    form = BurnForm(posted(request), bought=bought, today=today)

    def burn() -> str:
        package = _package(request, form.cleaned_data["package"])
        services.burn(visit=visit, package=package, reason=form.cleaned_data["reason"], by=request.user)
        return f"One session of {package} is used."

    on = f"{visit.day:%a} {visit.day.day} {visit.day:%b}"
    nothing = "" if bought else "This patient has no package with a session left."
    if visit.status not in services.MISSED:
        nothing = "Only a visit that was missed or cancelled uses a session this way."
    return press(
        request, visit.patient, form, burn, title="Use a session for a missed visit", act="Use one session",
        lead=f"The visit of {on}: {visit.get_status_display().lower()}.", nothing=nothing,
    )  # fmt: skip


@allow(*DESK, methods=FORM)
def session_settle(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What covers a session that no package covered when it was signed."""
    session = get_object_or_404(
        request.clinic.sessions.select_related("patient__clinic", "planned_session", "clinic"), ref=ref
    )
    today = clock.today(request.clinic)
    bought = [one for one in of_rows(shown(session.patient.packages)) if one.left]
    form = SettleSessionForm(posted(request), bought=bought, today=today)

    def settle() -> str:
        said = form.cleaned_data
        if form.otherwise:
            services.settle_otherwise(session=session, reason=said["reason"], by=request.user)
            return "Settled without a package."
        package = _package(request, said["settled_by"])
        services.cover(session=session, package=package, by=request.user)
        return f"Covered by {package}."

    on = f"{session.on:%a} {session.on.day} {session.on:%b}"
    sell = f"{reverse('treatments:package_sell', args=[session.patient.ref])}?next={request.path}"
    return press(
        request, session.patient, form, settle, title=f"Session {session.planned_session.number} of {on}", act="Write it down",
        lead="No package covers it.", way=("Sell a package first", sell),
    )  # fmt: skip


def _patient(request: HttpRequest, ref: UUID) -> Patient:
    return get_object_or_404(request.clinic.patients.select_related("clinic"), ref=ref)


def _package(request: HttpRequest, ref: UUID | str) -> Package:
    return get_object_or_404(request.clinic.packages.select_related("clinic", "patient__clinic"), ref=ref)


def _entry(request: HttpRequest, ref: UUID) -> PackageEntry:
    return get_object_or_404(PackageEntry, ref=ref, package__clinic=request.clinic)
