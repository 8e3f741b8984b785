"""What a mail says about the days before a visit, worked out as it leaves: from what is known of her, her medicines and
the device at that moment, by the rules of the day of the visit."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date

from clinic import clock
from patients.models import Message
from treatments import facts
from treatments.appointments.models import Appointment
from treatments.protocol import precare
from treatments.protocol.facts import from_json
from treatments.protocol.precare import Part, Stop
from treatments.rules.policy import rules_of

# `stops`: before the visit; `lasting`: until the last one of a course; `still`: said before; `beside`: what forbids nothing.
NOTHING: dict = {"stops": [], "lasting": [], "still": [], "beside": [], "lately": False, "prescribed": ""}
# The parts whose message has gone before.
EARLIER: dict[Part, tuple[Part, ...]] = {"two_weeks": ("notice",), "one_week": ("notice", "two_weeks"), "notice": ()}


def in_notice(message: Message, refs: Sequence[object], *, also: Collection[Part] = ()) -> dict:
    """Words for a mail that says that visits are booked or moved; `refs` in order of time.

    Of each visit whatever begins to hold longer before it than a mail of its own can say; of the first one also the parts
    whose own mail it was booked too late for. One line a rule, with the day that comes first. What waits that long holds
    from one visit of a course to the next: aftercare says what may be done in between.
    """
    visits = _treatments(refs)
    if not visits:
        return NOTHING
    today = clock.today(message.clinic)
    found = _stops_of(message, visits, today)
    long_before = precare.earliest([stop for stop in of_visit if stop.part == "notice"] for of_visit in found)
    named = {stop.rule for stop in long_before}
    before = [stop for stop in found[0] if stop.part in also and stop.rule not in named]
    beside = precare.said_beside(["notice", *also], rules_of(message.clinic).on(today))
    if len(visits) == 1:
        return _words([*long_before, *before], today) | {"beside": beside}
    lasting = [stop.sentence(today) for stop in long_before]
    both = _words([*long_before, *before], today)
    return both | {"stops": both["stops"][len(lasting) :], "lasting": lasting, "beside": beside}


def in_mail(message: Message, part: Part) -> dict:
    """Words for the mail of one part: its own lines with their days, and what was said before and holds by now."""
    visits = _treatments([message.about])
    if not visits:
        return NOTHING
    today = clock.today(message.clinic)
    [found] = _stops_of(message, visits, today)
    # Another device or a stricter rule may have lengthened a wait since its own message went: it is not lost.
    said = [stop for stop in found if stop.part == part or (stop.part in EARLIER[part] and not stop.holds_on(today))]
    still = [stop.standing() for stop in found if stop not in said and stop.holds_on(today) and not stop.is_prescribed]
    beside = precare.said_beside([part], rules_of(message.clinic).on(today))
    return _words(said, today) | {"still": still, "beside": beside}


def has_words(message: Message, part: Part) -> bool:
    """Whether the mail of this part has anything to say of its own. Her facts are read only where that decides."""
    rules_today = rules_of(message.clinic).on(clock.today(message.clinic))
    return bool(precare.said_beside([part], rules_today)) or bool(in_mail(message, part)["stops"])


def _words(said: Sequence[Stop], today: date) -> dict:
    return NOTHING | {
        "stops": [stop.sentence(today) for stop in said],
        # She may have done it already on a day that nobody warned her of.
        "lately": any(stop.holds_on(today) and not stop.is_prescribed for stop in said),
        "prescribed": precare.PRESCRIBED,
    }


def _treatments(refs: Sequence[object]) -> list[Appointment]:
    found = Appointment.objects.filter(ref__in=refs, kind=Appointment.Kind.TREATMENT)
    return list(found.select_related("device").order_by("during"))


def _stops_of(message: Message, visits: Sequence[Appointment], today: date) -> list[tuple[Stop, ...]]:
    """What is to be left out before each visit. Her rows are read once, however many visits."""
    patient, rules = message.patient, rules_of(message.clinic)
    rows = facts.rows_of([patient], device=None)[patient.pk]
    usual = None if all(visit.device for visit in visits) else facts.default_device(patient)
    prescribed = precare.prescribed_rules(
        (facts.MEDICINE_SAYS_YES.get(medicine.kind), medicine.name)
        for medicine in rows.medications
        if medicine.prescribed and (medicine.stopped_on is None or medicine.stopped_on > today)
    )

    def stops_before(visit: Appointment) -> tuple[Stop, ...]:
        known = facts.facts_from(replace(rows, device=visit.device or usual), on=today, catalogue=rules.on(today))
        return precare.stops(
            from_json(known, rules.on(today)),
            visit_on=visit.day,
            catalogue=rules.on(visit.day),
            prescribed=prescribed,
        )

    return [stops_before(visit) for visit in visits]
