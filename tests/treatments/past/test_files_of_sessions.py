"""Files of past sessions: each row finds its patient, or says why not."""

import pytest

from patients.importing import kinds, services
from patients.importing.models import ImportRun
from tests import factories
from treatments.assessments.past.models import PastSession
from treatments.protocol.catalogue import load
from treatments.screenings import services as screenings

pytestmark = pytest.mark.django_db
HEAD = "Patient number,First name,Surname,DOB,Treatment date,Depth,Grade,Over 72 hours,Settled on,Where,Counts\n"


@pytest.fixture
def manager(clinic):
    return factories.a_manager(clinic).user


@pytest.fixture
def ana(clinic, manager):
    """On record under the clinic's own number 7."""
    run = brought(clinic, manager, "7,Ana,Silva,1990-02-01", kind="patients", head="Number,First name,Surname,DOB\n")
    pressed(run, manager)
    return clinic.patients.get(given_name="Ana")


def brought(clinic, by, *rows: str, kind: str = "past_sessions", head: str = HEAD) -> ImportRun:
    content = (head + "".join(f"{row}\n" for row in rows)).encode()
    run = services.begin(clinic=clinic, kind=kind, content=content, by=by)
    columns = kinds.of(kind).guess(services.sheet_of(run).headings, {})
    return services.check(run=run, columns=columns, day_order="dmy", by=by)


def pressed(run: ImportRun, by) -> ImportRun:
    return services.carry_out(run=run, seen=services.report(run).fingerprint, leave_out=True, answers={}, by=by)


def wrong(run: ImportRun) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.wrong) for problem in services.report(run).problems]


def test_a_row_names_its_patient_by_number_or_by_name_and_birth_date(clinic, manager, ana):
    run = brought(
        clinic, manager,
        '7,,,,2026-10-03,"1,25",2,yes,2026-10-20,elsewhere,no',
        ",ÁNA,silva,01/02/1990,2026-11-20,1.5 mm,,,,,",
        "unknown,Ana,Silva,1990-02-01,2026-12-24,,none,,,here,yes",
    )  # fmt: skip
    assert wrong(run) == []
    assert pressed(run, manager).imported == 3
    rows = PastSession.objects.order_by("on").values_list("patient", "where", "counts", "deepest_mm", "reaction_grade")
    assert [
        (patient, where, counts, depth and float(depth), grade) for patient, where, counts, depth, grade in rows
    ] == [
        (ana.pk, "elsewhere", False, 1.25, 2),
        (ana.pk, "here", True, 1.5, None),
        (ana.pk, "here", True, None, None),
    ]
    assert {past.entered_by for past in PastSession.objects.all()} == {manager}


def test_what_is_imported_holds_the_floor(clinic, manager, ana):
    pressed(brought(clinic, manager, "7,,,,2027-03-01,,,,,,"), manager)
    factories.answer_all(ana)
    factories.assess(ana)
    ana.refresh_from_db()
    found = screenings.look(ana, on=factories.TODAY, purpose="booking")
    assert (found.outcome, str(found.earliest_on)) == ("defer", "2027-03-29")
    assert load().interval.floor_days == 28


def test_every_wrong_row_says_why(clinic, manager, ana, done_session):
    factories.make_patient(clinic, given_name="Two", family_name="Same", born_on=factories.date(1980, 1, 1))
    factories.make_patient(clinic, given_name="Two", family_name="Same", born_on=factories.date(1980, 1, 1))
    known = done_session.patient
    factories.a_past_session(ana, on=factories.date(2026, 5, 5))
    run = brought(
        clinic, manager,
        "99,,,,2026-10-03,,,,,,",
        ",Cy,Nobody,1990-01-01,2026-10-03,,,,,,",
        ",Two,Same,1980-01-01,2026-10-03,,,,,,",
        "7,Bo,Lee,1990-02-01,2026-10-03,,,,,,",
        ",Ana,,1990-02-01,2026-10-03,,,,,,",
        ",Ana,Silva,1990-02-31,2026-10-03,,,,,,",
        "7,,,,,,,,,,",
        "7,,,,31/02/2026,,,,,,",
        "7,,,,2027-03-10,,,,,,",
        "7,,,,1989-01-01,,,,,,",
        "7,,,,2026-10-04,deep,,,,,",
        "7,,,,2026-10-05,3.5,,,,,",
        "7,,,,2026-10-06,,7,,,,",
        "7,,,,2026-10-07,,,yes,,,",
        "7,,,,2026-10-08,,,,,at home,",
        "7,,,,2026-10-09,,,,,,perhaps",
        "7,,,,2026-05-05,,,,,,",
        f",{known.given_name},{known.family_name},{known.born_on},{done_session.on},,,,,,",
        "7,,,,2026-10-10,,,,,,",
        "7,,,,10/10/2026,,,,,,",
    )  # fmt: skip
    assert wrong(run) == [
        (2, "Patient number", "No patient with this number is on record."),
        (3, "Surname", "Nobody of this name and date of birth is on record."),
        (4, "Surname", "Several patients on record have this name and date of birth."),
        (5, "Patient number", "This number is Ana Silva's here, with another name or date of birth."),
        (6, "Patient number", "The row does not say whose session it was."),
        (7, "DOB", "This is no day that exists."),
        (8, "Treatment date", "The day of the session is missing."),
        (9, "Treatment date", "This is no day that exists."),
        (10, "Treatment date", "That day has not come yet. Enter a session that has been."),
        (11, "Treatment date", "That is before the patient was born, 1 February 1990. Check the day."),
        (12, "Depth", "This is no depth in millimetres."),
        (13, "Depth", "Nothing is needled deeper than 3 mm. Write the depth in millimetres, for example 1.25."),
        (14, "Grade", "This is no grade from 1 to 5."),
        (15, "Grade", "Choose the grade of the reaction as well."),
        (16, "Where", "This is neither here nor elsewhere."),
        (17, "Counts", "This is neither yes nor no."),
        (18, "Treatment date", "A session of this patient and day is on record already."),
        (19, "Treatment date", "A session of this patient and day is on record already."),
        (21, "Treatment date", "Row 20 is the same patient and day."),
    ]
    assert pressed(run, manager).imported == 1


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("Patient number,Depth\n", "Say which column holds the day of the session."),
        ("Surname,Treatment date\n", "Say which columns name the patient"),
    ],
)
def test_the_columns_must_name_patient_and_day(head, words):
    kind = kinds.of("past_sessions")
    assert words in kind.complete(set(kind.guess(head.strip().split(","), {})))
