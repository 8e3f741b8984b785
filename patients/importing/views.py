"""Importing a file: bring it, say what its columns are, see what is wrong, import, undo. For managers."""

import csv
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from clinic import clock
from clinic.errors import DomainError
from clinic.forms import form_status, refuse
from clinic.roles import Role, allow
from clinic.submissions import once
from patients.importing import kinds, services
from patients.importing.forms import ASKED_ONE_BY_ONE, ColumnsForm, FileForm, ImportForm
from patients.importing.models import ImportRun
from patients.importing.reading import ENCODING_WORDS, SEPARATOR_WORDS
from patients.importing.uploads import only_in_memory

PROBLEMS_SHOWN = 200
RUNS_SHOWN = 20
PREVIEW_ROWS = 5
PREVIEW_LETTERS = 40
# A cell that begins with one of these is a formula to a spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def _run(request: HttpRequest, ref: UUID) -> ImportRun:
    people = ("clinic", "begun_by", "done_by", "undone_by")
    return get_object_or_404(request.clinic.import_runs.select_related(*people), ref=ref)


def _url(run: ImportRun) -> str:
    return reverse("patients:import_run", args=[run.ref])


@csrf_exempt  # only until the file is read in memory: `_bring` asks for the form's token
@allow(Role.MANAGER, methods=["GET", "POST"])
def import_file(request: HttpRequest) -> HttpResponse:
    """The form for a file, and the imports so far."""
    watched = only_in_memory(request)
    return _bring(request, watched)


@csrf_protect
def _bring(request: HttpRequest, watched) -> HttpResponse:
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = FileForm(data, files, too_big=watched.is_too_big)
    if request.method == "POST" and form.is_valid():

        def begin() -> str:
            content = form.cleaned_data["file"].read()
            run = services.begin(
                clinic=request.clinic, kind=form.cleaned_data["kind"], content=content, by=request.user
            )
            return reverse("patients:import_columns", args=[run.ref])

        try:
            return once(request, begin)
        except DomainError as refusal:
            refuse(form, refusal)
    runs = request.clinic.import_runs.select_related("begun_by").defer("content", "report")[:RUNS_SHOWN]
    context = {
        "form": form,
        "runs": [{"run": run, "title": _title(run)} for run in runs],
        "current": services.open_run(request.clinic),
    }
    return render(request, "patients/importing/file.html", context, status=form_status(request))


def _title(run: ImportRun) -> str:
    return next((kind.title for kind in kinds.all_kinds() if kind.code == run.kind), run.kind)


@allow(Role.MANAGER, methods=["GET", "POST"])
def import_columns(request: HttpRequest, ref: UUID) -> HttpResponse:
    """Which column is what, as guessed or as chosen the last time; then every row is looked at."""
    run = _run(request, ref)
    if run.status != ImportRun.Status.OPEN:
        return redirect(_url(run))
    try:
        sheet = services.sheet_of(run)
    except DomainError as refusal:
        messages.warning(request, refusal.sentence)
        return redirect("patients:import")
    kind, before = kinds.of(run.kind), services.remembered(run)
    form = ColumnsForm(
        request.POST if request.method == "POST" else None,
        kind=kind,
        sheet=sheet,
        chosen=run.columns or kind.guess(sheet.headings, before.headings if before else {}),
        day_order=run.day_order or (before.day_order if before else ""),
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.check(run=run, columns=form.columns(), day_order=form.cleaned_data["day_order"], by=request.user)
            return redirect(_url(run))
        except DomainError as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "run": run,
        "title": _title(run),
        "headings": sheet.headings,
        "preview": [
            (number, [(heading, cell[:PREVIEW_LETTERS]) for heading, cell in zip(sheet.headings, row, strict=False)])
            for number, row in sheet.rows[:PREVIEW_ROWS]
        ],
        "read_as": f"{ENCODING_WORDS[run.encoding]}, {SEPARATOR_WORDS[run.separator]} between the columns",
        "remembered": before is not None,
    }
    return render(request, "patients/importing/columns.html", context, status=form_status(request))


@allow(Role.MANAGER, methods=["GET", "POST"])
def import_run(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What the dry run found, and the press that imports; afterwards what came of it."""
    run = _run(request, ref)
    if run.status == ImportRun.Status.OPEN and run.report is None:
        return redirect("patients:import_columns", ref=run.ref)
    report = services.report(run)
    form = ImportForm(
        request.POST if request.method == "POST" else None,
        alike=list(report.alike) if report else [],
        initial={"seen": report.fingerprint if report else "", "all_alike": kinds.SKIP},
    )
    if request.method == "POST" and form.is_valid():
        try:
            return once(request, lambda: _carried_out(request, run, form))
        except services.Changed as refusal:
            run, form = _looked_again(request, run, refusal)
            report = services.report(run)
        except DomainError as refusal:
            refuse(form, refusal)
    return render(request, "patients/importing/run.html", _shown(run, report, form), status=form_status(request))


def _carried_out(request: HttpRequest, run: ImportRun, form: ImportForm) -> str:
    said = form.cleaned_data
    done = services.carry_out(
        run=run, seen=said["seen"], leave_out=said["leave_out"], answers=form.answers(), by=request.user
    )
    messages.success(request, f"{done.imported:,} row{'' if done.imported == 1 else 's'} imported.")
    return _url(run)


def _looked_again(request: HttpRequest, run: ImportRun, refusal: DomainError) -> tuple[ImportRun, ImportForm]:
    run = services.look_again(run=run)
    report = services.report(run)
    form = ImportForm(alike=list(report.alike), initial={"seen": report.fingerprint, "all_alike": kinds.SKIP})
    messages.warning(request, refusal.sentence)
    return run, form


def _shown(run: ImportRun, report: services.Report | None, form: ImportForm) -> dict:
    problems = report.problems if report else ()
    return {
        "run": run,
        "title": _title(run),
        "form": form,
        "is_open": run.status == ImportRun.Status.OPEN,
        "problems": problems[:PROBLEMS_SHOWN],
        "more_problems": max(len(problems) - PROBLEMS_SHOWN, 0),
        "has_report": bool(problems),
        "asked": form.asked() if run.status == ImportRun.Status.OPEN else [],
        "more_alike": max(run.alike - ASKED_ONE_BY_ONE, 0),
        "kept": services.kept_people(run) if run.status == ImportRun.Status.UNDONE else [],
        "may_undo": _may_undo(run),
        "undo_days": services.UNDO_DAYS,
    }


def _may_undo(run: ImportRun) -> bool:
    if run.status != ImportRun.Status.DONE:
        return False
    return (clock.now() - run.done_at).days < services.UNDO_DAYS


@allow(Role.MANAGER)
def import_errors(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What is wrong, row by row, as a file to work through beside the spreadsheet."""
    run = _run(request, ref)
    report = services.report(run)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="rows-to-correct.csv"'
    response["Cache-Control"] = "no-store"
    response.write("\ufeff")  # else spreadsheets read it as Windows text
    writer = csv.writer(response)
    writer.writerow(["Row", "Column", "What stands there", "What is wrong", "What to do"])
    for problem in report.problems if report else ():
        writer.writerow([problem.row, *map(_no_formula, (problem.column, problem.found, problem.wrong, problem.do))])
    return response


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


@allow(Role.MANAGER, methods=["POST"])
def import_give_up(request: HttpRequest, ref: UUID) -> HttpResponse:
    run = _run(request, ref)

    def give_up() -> str:
        services.give_up(run=run, by=request.user)
        messages.success(request, "Given up. Nothing was imported, and the file is gone.")
        return reverse("patients:import")

    try:
        return once(request, give_up)
    except DomainError as refusal:
        messages.warning(request, refusal.sentence)
        return redirect(_url(run))


@allow(Role.MANAGER, methods=["GET", "POST"])
def import_undo(request: HttpRequest, ref: UUID) -> HttpResponse:
    """What undoing takes away and what it leaves; then the press."""
    run = _run(request, ref)
    refused = ""
    if request.method == "POST":

        def undo() -> str:
            undone = services.undo(run=run, by=request.user)
            kept = undone.people.filter(kept=True).count()
            said = f" {kept} kept, because something was written about them since." if kept else ""
            messages.success(request, f"The import is undone.{said}")
            return _url(run)

        try:
            return once(request, undo)
        except DomainError as refusal:
            refused = refusal.sentence
    elif run.status != ImportRun.Status.DONE:
        return redirect(_url(run))
    context = {"run": run, "title": _title(run), "refused": refused, "back": _url(run)}
    return render(request, "patients/importing/undo.html", context, status=form_status(request))
