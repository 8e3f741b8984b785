"""Lives the stories day after day through the services, with the demo's clock standing on each day in turn."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count

from django.db import connection, transaction

from clinic import clock
from clinic.errors import DomainError
from clinic.models import Clinic, Membership, Room, User
from patients.models import Patient
from patients.outbox import services as outbox
from patients.services import consents, history, numbers, people
from treatments.appointments import services as appointments
from treatments.appointments.free_slots import devices_in_service, free_slots
from treatments.appointments.models import Appointment
from treatments.appointments.own_limits import who_may_take
from treatments.assessments import services as assessments
from treatments.assessments.past import services as past_sessions
from treatments.demo import bought, cast, desk, from_patients, house, measured, own_words, resources
from treatments.demo.own_rules import OWN_VALUES, OwnValue
from treatments.demo.stories import Story, one_mailbox, stories, this_week
from treatments.flows import closing, courses, life_events, publishing, visits
from treatments.flows import outcomes as outcomes_flow
from treatments.plans import services as plans
from treatments.plans.models import TreatmentPlan
from treatments.protocol.screening import PERMITS
from treatments.rules.policy import catalogue_for
from treatments.scheduling.slots import Slot
from treatments.screenings import services as screenings
from treatments.sessions import services as sessions
from treatments.sessions import skin_products
from treatments.sessions.depths import last_of_course, zone_limits

OPENED_DAYS_AGO = 230
DAWN = time(8, 30)
# The demo opens on a working morning, with the day half done.
OPENING = time(10, 42)
# Whoever has been here for less time than this still waits for the questions of the day.
ASKED_AFTER = timedelta(minutes=15)
Act = Callable[[], None]


def build(*, patients: int = 120, only: Container[int] | None = None) -> Clinic:
    """The whole demo clinic, or `only` some of its stories. Leaves the clock on the demo's today, at 10:42 in the clinic's
    zone."""
    told = (*stories(patients), *this_week(patients), *one_mailbox(patients))
    return _Builder().build([story for story in told if only is None or story.number in only])


def demo_today(now: datetime) -> date:
    """The Tuesday of the current week: every clinician works, and something lies on both sides."""
    day = now.date()
    return day - timedelta(days=day.isoweekday() - 2)


def _nearest(found: list[Slot], at: time, clinic: Clinic) -> Slot:
    def minutes_off(slot: Slot) -> int:
        begins = slot.start.astimezone(clinic.tz)
        return abs((begins.hour - at.hour) * 60 + begins.minute - at.minute)

    return min(found, key=minutes_off)


class _Builder:
    def __init__(self) -> None:
        self.acts: dict[date, list[tuple[int, Act]]] = defaultdict(list)
        self.patients: dict[int, Patient] = {}
        self.plans: dict[int, TreatmentPlan] = {}
        self.serials = count(1)
        self.order = count(1)

    def build(self, told: list[Story]) -> Clinic:
        self.today = demo_today(clock.now())
        self._stand_on(self.today - timedelta(days=OPENED_DAYS_AGO))
        self._open_clinic()
        for story in told:
            self._plan_acts(story)
        for own in OWN_VALUES:
            self._plan_own_value(own)
        self._plan_the_desk({story.number: story for story in told})
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        for day in sorted(self.acts):
            self._live(day)
        self._half_done_day(told)
        self._settle_messages()
        self._hear_from_patients()
        self._hear_at_the_desk()
        self._just_now(told)
        return self.clinic

    # The clinic

    def _open_clinic(self) -> None:
        opened = house.open_clinic(self.today)
        self.clinic, self.manager, self.members, self.lots = (
            opened.clinic,
            opened.manager,
            opened.members,
            opened.lots,
        )
        self.desk, self.prescriber = (self.members[name] for name in ("Tess Moran", "Dr Ines Halloran"))
        self.clinicians = [member for member in self.members.values() if member.sees_patients]

    @property
    def by(self) -> User:
        return self.manager.user

    # The clinic's own values

    def _plan_own_value(self, own: OwnValue) -> None:
        self._on(own.set_on, lambda: self._set_own_value(own))
        if own.ended_on is not None:
            self._on(own.ended_on, lambda: self._end_own_value(own))

    def _set_own_value(self, own: OwnValue) -> None:
        said = {"clinic": self.clinic, "path": own.path, "value": own.value}
        if own.until is None:
            publishing.tighten(by=self.manager, **said)
        else:
            until = self.today + timedelta(days=own.until)
            publishing.loosen(by=self.prescriber, reason=own.reason, expires_on=until, **said)
        self.clinic.refresh_from_db(fields=["rules_version"])

    def _end_own_value(self, own: OwnValue) -> None:
        value = self.clinic.policy_values.standing().get(path=own.path)
        publishing.end(policy_value=value, by=self.prescriber, reason=own.ended_reason)
        self.clinic.refresh_from_db(fields=["rules_version"])

    # What the desk does besides

    def _plan_the_desk(self, told: dict[int, Story]) -> None:
        self._on(-2, lambda: resources.call_away(self.clinic, self.members, today=self.today, by=self.by))
        for call in desk.CALLS:
            if call.story in told:
                self._on(call.on, lambda c=call: self._call(c, done=len(told[c.story].sessions)))
        for wish in desk.WAITING:
            if wish.story in told:
                self._on(wish.on, lambda w=wish: self._wait(w))
        for sale in bought.SALES:
            if sale.story in told:
                self._on(sale.on, lambda s=sale: bought.sell(s, self.patients[s.story], by=self.desk.user))
        for held in bought.DEPOSITS:
            if held.story in told:
                self._on(held.on, lambda h=held: bought.take(h, self.patients[h.story], by=self.desk.user))
        for closed in desk.CLOSED:
            if closed.story in told:
                self._on(closed.on + 1, lambda c=closed: self._close(c))

        for twice in desk.TWICE:
            if twice.story in told:
                self._on(twice.on, lambda t=twice: self._put_down_again(t))

    def _put_down_again(self, twice: desk.Twice) -> None:
        first, nurse = self.patients[twice.story], self.members["Noor Adeyemi"]
        desk.put_down_again(twice, first, by=self.desk.user, nurse=nurse.user)

    def _plan_now(self, number: int) -> TreatmentPlan | None:
        """A story's course as it is by now."""
        plan = self.plans.get(number)
        return plan and TreatmentPlan.objects.select_related("patient__clinic", "clinic").get(pk=plan.pk)

    def _call(self, call: desk.Call, *, done: int) -> None:
        desk.record(call, self._plan_now(call.story), done=done, today=self.today, by=self.desk.user)

    def _wait(self, wish: desk.Wait) -> None:
        desk.wait(wish, self.patients[wish.story], self._plan_now(wish.story), by=self.desk.user)

    def _close(self, closed: desk.Closed) -> None:
        closing.close_record(
            patient=self.patients[closed.story],
            why=closed.why,
            reason=closed.reason,
            on=self.today + timedelta(days=closed.on),
            by=self.desk.user,
        )

    def _cancel_today(self, story: Story) -> None:
        for visit in Appointment.objects.filter(patient=self.patients[story.number], day=self.today, status="booked"):
            visits.cancel(visit=visit, reason="Has a cold", by=self.desk.user)

    def _book_together(self, story: Story) -> None:
        desk.book_whole_course(
            self._plan_now(story.number),
            clinician=self._clinician_of(story),
            first_day=self._working(story.together[1]),
            by=self.desk.user,
        )

    def _hear_from_patients(self) -> None:
        """What they told us from their links, yesterday evening and this morning."""
        for number, offset, at, tell in from_patients.heard():
            if number in self.patients:
                self._stand_on(self.today + timedelta(days=offset), at)
                with transaction.atomic():
                    tell(Patient.objects.select_related("clinic").get(pk=self.patients[number].pk))
        clock.move_to(self._opening)

    def _hear_at_the_desk(self) -> None:
        """A tablet that was given back, and a call, a few minutes before the demo opens."""
        clock.move_to(self._opening - timedelta(minutes=3))
        with transaction.atomic():
            own_words.answered_on_the_tablet(self.clinic, by=self.desk)
            own_words.rang(self.clinic, by=self.desk)
        clock.move_to(self._opening)

    def _just_now(self, told: list[Story]) -> None:
        """A whole course booked, and one of which a part is moved, in the minute before the demo opens: both messages are
        still to go, so that they can be read before, and in the mailbox afterwards."""
        for seconds, story in enumerate(story for story in told if story.moved or story.together == (0, 1)):
            clock.move_to(self._opening - timedelta(seconds=40 - 20 * seconds))
            if story.moved:
                desk.put_off_second(self._plan_now(story.number), by=self.desk.user)
            else:
                self._book_together(story)
        clock.move_to(self._opening)

    @property
    def _opening(self) -> datetime:
        return datetime.combine(self.today, OPENING, tzinfo=self.clinic.tz)

    def _clinician_of(self, story: Story) -> Membership:
        # Not by the number alone: stories repeat every twelve patients, and each clinician has some of every kind.
        return self.clinicians[(story.number + story.number // 12) % len(self.clinicians)]

    # The stories

    def _plan_acts(self, story: Story) -> None:
        who = cast.person(story.number)
        clinician = self._clinician_of(story)
        self._on(story.registered, lambda: self._register(who))
        if story.consultation is not None:
            self._on(min(-2, story.registered + 1), lambda: self._consultation(story, clinician))
            if story.consultation < 0:
                self._acts_on(self._working(story.consultation), lambda: self._look_first(story), late=True)
        if story.answered is not None:
            self._on(story.answered, lambda: self._assess_and_ask(story, who, clinician))
            self._on(story.answered, lambda: self._measure(story, clinician, measured.before(story)))
        if story.planned is not None:
            self._on(story.planned, lambda: self._draft(story, clinician))
        for number, offset in enumerate(story.sessions, start=1):
            day = self._working(offset)
            ahead = story.planned + 1 if number == 1 else story.sessions[number - 2] + 1
            self._on(ahead, lambda n=number, d=day: self._book(story, n, d, clinician))
            self._acts_on(day, lambda n=number: self._treat(story, n), late=True)
            self._acts_on(day, lambda n=number: self._measure(story, clinician, measured.after(story, n)), late=True)
        done = len(story.sessions)
        last = story.sessions[-1] if story.sessions else (story.planned or story.registered)
        for number, offset in enumerate((*story.missed, *story.booked), start=done + 1):
            day = self._working(offset)
            self._on(last + 2, lambda n=number, d=day: self._book(story, n, d, clinician))
            if offset in story.missed:
                self._acts_on(day, lambda n=number: self._miss(story, n), late=True)
        if story.together is not None and story.together[0] < 0:
            self._on(story.together[0], lambda: self._book_together(story))
        if story.cancelled:
            self._on(0, lambda: self._cancel_today(story))
        if story.changed is not None:
            self._acts_on(self._working(story.changed[0]), lambda: self._tell(story, clinician), late=True)
        if story.darker is not None:
            self._acts_on(
                self._working(story.darker),
                lambda: self._measure(story, clinician, measured.darker(story)),
                late=True,
            )
        if story.ending:
            self._on(last + 30, lambda: self._end(story))

    def _on(self, offset: int, act: Act) -> None:
        self._acts_on(self._working(min(offset, 0)), act)

    def _acts_on(self, day: date, act: Act, *, late: bool = False) -> None:
        self.acts[day].append((next(self.order) + (1_000_000 if late else 0), act))

    def _working(self, offset: int) -> date:
        day = self.today + timedelta(days=offset)
        return day + timedelta(days=1) if day.isoweekday() == 7 else day

    def _live(self, day: date) -> None:
        self._stand_on(day)
        with transaction.atomic():
            for _, act in sorted(self.acts[day], key=lambda entry: entry[0]):
                act()

    def _stand_on(self, day: date, at: time = DAWN) -> None:
        clock.move_to(datetime.combine(day, at, tzinfo=clock.ZoneInfo(cast.CLINIC["zone"])))

    # What people do

    def _register(self, who: cast.Person) -> None:
        self.patients[who.number] = people.register(
            clinic=self.clinic, given_name=who.given_name, family_name=who.family_name, born_on=who.born_on, email=who.email,
            phone=who.phone, speaks=who.speaks, mail_allowed=bool(who.email), reminders_allowed=bool(who.email), by=self.desk.user,
        )  # fmt: skip

    def _consultation(self, story: Story, clinician: Membership) -> None:
        visit = self._into_diary(
            self.patients[story.number],
            "consultation",
            self._working(story.consultation),
            clinician,
            None,
            at=story.at,
        )
        if visit is not None and story.consultation > 0 and story.number % 3:
            appointments.step(visit=visit, to="confirmed", by=self.desk.user)

    def _look_first(self, story: Story) -> None:
        """She came for her consultation, and it is over."""
        visits_of_day = Appointment.objects.filter(patient=self.patients[story.number], day=clock.today(self.clinic))
        for visit in visits_of_day.filter(status="booked"):
            self._consult(visit)

    def _consult(self, visit: Appointment) -> None:
        self._come(visit)
        clock.move_to(visit.during.upper)
        appointments.step(visit=visit, to="in_room", by=visit.clinician.user)
        appointments.step(visit=visit, to="done", by=visit.clinician.user)

    def _assess_and_ask(self, story: Story, who: cast.Person, clinician: Membership) -> None:
        patient = self.patients[story.number]
        assessments.record(
            patient=patient, assessed_on=clock.today(self.clinic), skin_type=who.skin_type, pih_history=False,
            concerns=[story.concern], by=clinician.user,
        )  # fmt: skip
        self._answer(story, patient, clinician, ("full", "clinician", "day"))
        if story.past:  # she was known here before these records began
            numbers.give(patient=patient, number=f"AL-{1000 + story.number}", by=clinician.user)
        for offset in story.past:
            past_sessions.record(
                patient=patient, on=self._day(offset), where="here", counts=True, deepest_mm=Decimal("1.25"), by=clinician.user
            )  # fmt: skip
        for code in story.cleared:
            screenings.give_clearance(
                patient=patient, code=code, reason="Antiviral prescribed for the day before and the day of each session.",
                expires_on=clock.today(self.clinic) + timedelta(days=365), by=self.prescriber,
            )  # fmt: skip

    def _measure(self, story: Story, clinician: Membership, found: Iterable[measured.Measurement]) -> None:
        for code, items, zone in found:
            outcomes_flow.record(
                patient=self.patients[story.number], code=code, items=items, zone=zone,
                assessed_on=clock.today(self.clinic), by=clinician.user,
            )  # fmt: skip

    def _answer(self, story: Story, patient: Patient, clinician: Membership, forms: tuple[str, ...]) -> None:
        catalogue = catalogue_for(self.clinic)
        asked = {rule.code: rule for form in forms for rule in catalogue.rules_for_form(form)}
        given = []
        for code, rule in asked.items():
            value, offset, detail = story.answers.get(code, ("yes" if rule.raised_by == "no" else "no", None, ""))
            given.append({"code": code, "value": value, "on": self._day(offset), "detail": detail, "note": ""})
        history.record_answers(
            patient=patient, answers=given, answered_on=clock.today(self.clinic), via="clinician", by=clinician.user
        )

    def _draft(self, story: Story, clinician: Membership) -> None:
        patient = self.patients[story.number]
        plan = plans.draft(patient=patient, starts_on=clock.today(self.clinic), by=clinician.user)
        self.plans[story.number] = plan
        if story.submitted:
            if not story.activated:
                # As the form does: what waits for a decision stands on the clinicians' lists.
                screenings.perform(patient=patient, on=clock.today(self.clinic), purpose="booking", by=clinician.user)
            plans.submit(plan=plan, by=clinician.user)
        if story.activated:
            self._sign_consent(plan, clinician)
            plans.activate(plan=plan, by=clinician.user)

    def _sign_consent(self, plan: TreatmentPlan, clinician: Membership) -> None:
        text = consents.current_text(clinic=self.clinic)
        consents.sign(
            patient=plan.patient, text=text, shown_text=consents.render_text(text, patient=plan.patient), techniques=plan.techniques,
            depth_class=plan.depth_class, about=plan.ref, signature_kind="typed", signature=plan.patient.full_name,
            signed_name=plan.patient.full_name, witness=clinician.user, by=clinician.user,
        )  # fmt: skip

    def _book(self, story: Story, number: int, day: date, clinician: Membership) -> None:
        plan = self.plans[story.number]
        planned = plan.planned_sessions.filter(number=number).first()
        if planned is None or plan.sessions_planned < number:
            return
        day = min(max(day, planned.earliest_on), planned.latest_on)
        self._into_diary(plan.patient, "treatment", day, clinician, planned, at=story.at if day == self.today else None)

    def _into_diary(
        self, patient: Patient, kind: str, day: date, clinician: Membership, planned, *, at: time | None = None
    ) -> Appointment | None:
        """A free time of the clinician that day, the one nearest to `at` if it is said, or of a colleague, or the next day."""
        length = appointments.LENGTHS[Appointment.Kind(kind)]
        rooms: dict[int, Room] = {room.pk: room for room in self.clinic.rooms.filter(in_service=True)}
        for offset in range(6):
            found = free_slots(
                clinic=self.clinic, patient=patient, length=length, first_day=day + timedelta(days=offset),
                last_day=day + timedelta(days=offset), clinicians=who_may_take(self.clinicians, planned), now=clock.now(),
                devices=devices_in_service(self.clinic) if planned else (),
            )  # fmt: skip
            mine = [slot for slot in found if slot.clinician == clinician.pk] or found
            if mine:
                # Not always the first: a day looks like a day when it has gaps. Today fills from the morning on.
                is_today = day + timedelta(days=offset) == self.today
                spread = 12 if not is_today else 4 if planned else 1
                slot = _nearest(mine, at, self.clinic) if at else mine[(patient.pk * 5) % min(len(mine), spread)]
                who = next(member for member in self.clinicians if member.pk == slot.clinician)
                place = appointments.Place(
                    day=day, starts_at=time(9), clinician=who, room=rooms[slot.room], length=length
                )
                return appointments.book(
                    patient=patient, kind=kind, planned_session=planned, by=self.desk.user,
                    place=appointments.at_slot(place, start=slot.start, clinician=who, room=rooms[slot.room]),
                )  # fmt: skip
        return None

    def _visit(self, story: Story, number: int) -> Appointment | None:
        return Appointment.objects.filter(
            planned_session__plan=self.plans[story.number],
            planned_session__number=number,
            day=clock.today(self.clinic),
            status="booked",
        ).first()

    def _treat(self, story: Story, number: int) -> None:
        visit = self._visit(story, number)
        if visit is None:
            return
        self._come(visit)
        self._needle(story, visit, number)

    def _come(self, visit: Appointment, *, now: datetime | None = None) -> None:
        """She arrives and, unless it is `now` before, her numbing begins."""
        clock.move_to(visit.during.lower - timedelta(minutes=4))
        appointments.step(visit=visit, to="arrived", by=self.desk.user)
        clock.shift(timedelta(minutes=7))
        if visit.prep_minutes and (now is None or visit.during.lower + ASKED_AFTER <= now):
            appointments.step(visit=visit, to="numbing", by=visit.clinician.user)

    def _ask_and_screen(self, story: Story, visit: Appointment):
        self._answer(story, visit.patient, visit.clinician, ("day",))
        return screenings.perform(
            patient=visit.patient, on=clock.today(self.clinic), purpose="session", by=visit.clinician.user
        )

    def _needle(self, story: Story, visit: Appointment, number: int) -> None:
        record = self._ask_and_screen(story, visit)
        if not PERMITS[record.outcome].open_session:
            return
        clock.move_to(visit.clinician_during.lower)
        visit.refresh_from_db()
        session = sessions.open_session(
            visit=visit, by=visit.clinician, acknowledged=[change["parameter"] for change in record.changes]
        )
        previous = last_of_course(session)
        for zone in story.concern["zones"]:
            allowed = zone_limits(session, zone, by=visit.clinician, previous=previous)
            depth = min(allowed.start_mm + Decimal("0.25") * (number - 1), allowed.soft_max_mm)
            sessions.set_zone(
                session=session,
                zone=zone,
                depth_mm=depth,
                passes=3 + number % 2,
                endpoint="erythema",
                by=visit.clinician,
            )
        session.refresh_from_db()
        clock.move_to(visit.clinician_during.upper - timedelta(minutes=6))
        session = sessions.save_details(
            session=session, version=session.version, by=visit.clinician, cartridge_lot=self.lots[number % 2],
            cartridge_serial=f"{next(self.serials):05d}", anaesthetic=self.clinic.anaesthetics.first(), anaesthetic_grams=Decimal(4),
            anaesthetic_area_cm2=200, anaesthetic_off_at=visit.clinician_during.lower, pain=2 + story.number % 4,
            note="Even redness in all zones, no bleeding beyond pinpoint. Tolerated well.", aftercare_given=True, sharps_disposed=True,
        )  # fmt: skip
        gel = self.clinic.skin_products.exclude(approved_at=None).first()
        skin_products.put_on(
            session=session, product=gel, lot=f"HA-26{number:02d}", expires_on=session.on + timedelta(days=300), ml=Decimal(2),
            by=visit.clinician,
        )  # fmt: skip
        sessions.complete(session=session, by=visit.clinician)

    def _tell(self, story: Story, clinician: Membership) -> None:
        """An answer given after booking, and what it means for the visit that is booked."""
        _, code, value, offset = story.changed
        visit = Appointment.objects.filter(planned_session__plan=self.plans[story.number], status="booked").first()
        if visit is None:
            return
        history.record_answers(
            patient=visit.patient,
            answers=[{"code": code, "value": value, "on": self._day(offset), "detail": "", "note": ""}],
            answered_on=clock.today(self.clinic), via="clinician", by=clinician.user,
        )  # fmt: skip
        screenings.perform(patient=visit.patient, on=visit.day, purpose="booking", by=clinician.user)

    def _day(self, offset: int | None) -> date | None:
        return None if offset is None else self.today + timedelta(days=offset)

    def _miss(self, story: Story, number: int) -> None:
        visit = self._visit(story, number)
        if visit is not None:
            clock.move_to(visit.during.upper)
            appointments.mark_no_show(visit=visit, by=self.desk.user)

    def _end(self, story: Story) -> None:
        plan = self.plans[story.number]
        by, pause_ends_on = self.prescriber, self.today + timedelta(days=5)
        match story.ending:
            case "completed":
                courses.complete_course(plan=plan, by=by.user)
            case "stopped":
                life_events.stop(plan=plan, reason="moved", note="Moved abroad", by=by)
            case "replaced":
                life_events.replace(plan=plan, starts_on=clock.today(self.clinic), reason="other_depth", by=by)
            case "paused":
                life_events.pause(
                    plan=plan, until=pause_ends_on, reason="active_acne", note="Comes back when calm", by=by
                )
            case "paused openly":
                life_events.pause(plan=plan, until=None, reason="isotretinoin", by=by)

    # Today

    def _half_done_day(self, told: list[Story]) -> None:
        """Play today's diary up to the opening moment: what lies before it is done, what is under way is under way."""
        opening = self._opening
        stories_of = {self.patients[story.number].pk: story for story in told}
        of_today = Appointment.objects.filter(clinic=self.clinic, day=self.today, status="booked")
        for visit in of_today.select_related("patient__clinic", "clinician__user", "planned_session").order_by(
            "during"
        ):
            try:
                with transaction.atomic():
                    self._live_visit(visit, stories_of[visit.patient_id], opening)
            except DomainError:
                continue  # that visit simply has not moved on yet
        clock.move_to(opening)

    def _live_visit(self, visit: Appointment, story: Story, opening: datetime) -> None:
        if visit.during.upper <= opening:
            if visit.planned_session is None:
                self._consult(visit)
            else:
                self._come(visit)
                self._needle(story, visit, visit.planned_session.number)
        elif visit.during.lower <= opening:
            self._come(visit, now=opening)
            if visit.planned_session is None:
                appointments.step(visit=visit, to="in_room", by=visit.clinician.user)
            elif visit.during.lower + ASKED_AFTER <= opening:
                record = self._ask_and_screen(story, visit)
                if visit.clinician_during.lower <= opening and PERMITS[record.outcome].open_session:
                    clock.move_to(visit.clinician_during.lower)
                    changes = [change["parameter"] for change in record.changes]
                    sessions.open_session(visit=visit, by=visit.clinician, acknowledged=changes)
        elif visit.pk % 3:
            appointments.step(visit=visit, to="confirmed", by=self.desk.user)

    def _settle_messages(self) -> None:
        outbox.settle_history(clinic=self.clinic, before=clock.now())
