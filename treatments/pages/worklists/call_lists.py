"""Whom to call and why: the lists the desk works through. Two queries on Today, a fixed number more on their own page.

Running the rules for everybody would cost seconds, so what a list says of a date is read from stored rows: the windows
of planned sessions, the marks of booked visits and the newest stored screening (see `verdicts`). Booking, and the gate
before a session, run the rules anew.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from clinic.models import Clinic
from treatments.appointments.displaced import displaced_visits
from treatments.pages.worklists.call_rows import Call, CallList, Sorter
from treatments.pages.worklists.course_calls import courses_that_wait, pauses_list, stalled_list, unsigned_list
from treatments.pages.worklists.email_calls import email_list
from treatments.pages.worklists.session_calls import CLOSING_DAYS, SessionLists, sessions_to_book, sort_sessions
from treatments.pages.worklists.visit_calls import (
    VisitLists,
    WhyLost,
    add_changed,
    add_displaced,
    known_from,
    never_lost,
    sort_visits,
)
from treatments.pages.worklists.waiting import waiters, waiting_list, waiting_shown
from treatments.plans.models import PlannedSession

__all__ = ["CLOSING_DAYS", "Call", "CallList", "CallLists", "call_lists"]


@dataclass
class CallLists:
    of_sessions: SessionLists
    of_visits: VisitLists
    stalled: CallList
    paused: CallList
    waiting: CallList
    # Whom mail does not reach, whenever she comes next.
    email: CallList
    unsigned: CallList
    # Reached, and on no list until their day; and those whom nobody calls until somebody takes that back.
    reached: list[Call]
    stopped: list[Call]
    # Every session to book, for the free times of the day.
    sessions: list[PlannedSession] = field(default_factory=list)

    def __iter__(self) -> Iterator[CallList]:
        visits, sessions = self.of_visits, self.of_sessions
        yield visits.before_they_travel
        yield visits.not_possible
        yield visits.rules_changed
        yield sessions.closing
        yield sessions.overdue
        yield sessions.to_book
        yield self.waiting
        yield visits.to_ask
        yield visits.unconfirmed
        yield visits.no_email
        yield self.email
        yield self.stalled
        yield self.paused
        yield self.unsigned

    @property
    def left(self) -> int:
        """How many calls wait: the same number wherever it stands. Visits that are not possible any more are counted beside it:
        Today knows those of the day that is drawn, all others cost queries of their own, on the page of all lists."""
        lists = (self.of_visits.before_they_travel, self.of_sessions.closing, self.of_sessions.overdue)
        return sum(len(one.calls) for one in lists)


def call_lists(
    clinic: Clinic,
    *,
    now: datetime,
    whole: bool = False,
    closing_days: int = CLOSING_DAYS,
    screened_on: date | None = None,
    why_lost: WhyLost = never_lost,
    lost_on_day: Collection[UUID] = (),
    waiting: Iterable[dict] | None = None,
    sorter: Sorter | None = None,
) -> CallLists:
    """Every list of a clinic, the most urgent first.

    `whole` adds the lists that only their own page shows. `screened_on`: a day on which sessions to book might fill a free
    time; what their newest screening says of it is read along. For a page that is not `whole`: `why_lost`, why a visit is not
    possible any more, and `lost_on_day`, those of the day it draws. `waiting`: rows of `waiting_shown`, where they have been read.
    `sorter`: one that other lists of the page have been sorted by already: whom those reached is among the reached here.
    """
    sorter = sorter or Sorter(today=now.astimezone(clinic.tz).date(), zone=clinic.tz)
    sessions = sessions_to_book(clinic, today=sorter.today, on=screened_on)
    of_sessions = sort_sessions(sessions, sorter, closing_days=closing_days)
    found = displaced_visits(clinic, now=now) if whole else []
    if whole:
        why_lost = known_from(found)
    of_visits = sort_visits(clinic, sorter, now=now, whole=whole, why_lost=why_lost, lost_on_day=lost_on_day)
    if whole:
        add_displaced(of_visits, found, sorter)
        add_changed(of_visits, clinic, sorter)
    waits = courses_that_wait(clinic, now=now, today=sorter.today) if whole else []
    if waiting is None:
        waiting = waiting_shown(clinic.waiting_entries.all()) if whole else ()
    return CallLists(
        of_sessions=of_sessions,
        of_visits=of_visits,
        stalled=stalled_list(waits, sorter, of_sessions.called_in_vain, now=now),
        paused=pauses_list(waits, sorter),
        waiting=waiting_list(waiters(waiting), sorter),
        email=email_list(clinic, today=sorter.today, ask=whole),
        unsigned=unsigned_list(clinic, ask=whole),
        reached=sorter.reached_in_order,
        stopped=sorter.stopped,
        sessions=sessions,
    )
