"""Sending what is due: claim, write, open the relay, mark, hand over, say what became of it.

A worker may die after any line of this file. What it leaves behind is settled by the sweeps at the beginning of the
next run and by `reconcile`: not handed over -> due again; handed over -> unknown, and the relay's record decides.
"""

import logging
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField

from clinic.models import Clinic
from clinic.statements import Given, Statement, among
from patients.links import services as links
from patients.models import Patient
from patients.outbox import events, kinds, ledger, relay, rendering, timing
from patients.outbox import limits as limits_
from patients.outbox.limits import Limits
from patients.outbox.models import Message, State
from patients.outbox.rendering import Letter
from patients.outbox.suppression import sharing, why_not

log = logging.getLogger(__name__)

# Counts while the machine sleeps too, where the system offers it.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def run(
    *, limits: Limits | None = None, through: relay.Relay | None = None, breaker: relay.Breaker | None = None
) -> Counter:
    """Send until nothing is due, the relay cannot be reached or the time of a run is over. Returns what happened."""
    limits = limits or limits_.from_settings()
    tally = Counter(
        expired=ledger.expire(), returned=ledger.return_abandoned(limits), in_doubt=ledger.doubt_the_silent()
    )
    through = through or relay.from_settings()
    breaker = breaker or through.breaker
    deadline = _elapsed() + limits.run_seconds
    alone = False
    try:
        # First the ordinary rows in batches, then, one by one, those over which a worker has died.
        while _elapsed() < deadline and not breaker.is_open:
            batch = Batch(through, limits, breaker, tally, deadline)
            if batch.claim(alone=alone):
                if not batch.send():
                    break
            elif alone:
                break
            else:
                alone = True
    finally:
        through.close()
    if tally.total():
        log.info("Outbox: %s", ", ".join(f"{what} {count}" for what, count in sorted(tally.items()) if count))
    return tally


class Batch:
    """Up to 25 messages under one lease, through one connection."""

    def __init__(
        self, through: relay.Relay, limits: Limits, breaker: relay.Breaker, tally: Counter, deadline: float
    ) -> None:
        self.relay, self.limits, self.breaker, self.tally, self.deadline = through, limits, breaker, tally, deadline
        # New for every batch: a claim is recognised by it.
        self.worker = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.messages: list[Message] = []

    def claim(self, *, alone: bool = False) -> bool:
        self.messages = ledger.claim(self.worker, self.limits, alone=alone)
        if self.messages:
            read_whose(self.messages)
        return bool(self.messages)

    def send(self) -> bool:
        """False when the relay could not be reached: knocking again at once would not help."""
        letters = self.write()
        if not letters:
            return True
        try:
            self._open()
            for group in in_groups(letters, self.limits.hand_off):
                self._hand_over(group)
        except relay.Unreachable as exc:
            self.breaker.failed()
            ids = [letter.message.pk for letter in letters]
            self.tally["unreachable"] += ledger.relay_unreachable(ids, self.worker, str(exc), self.limits)
            return False
        return True

    def write(self) -> list[Letter]:
        shared = sharing([message.patient for message in self.messages])
        letters = (self._write(message, is_shared=message.patient_id in shared) for message in self.messages)
        return [letter for letter in letters if letter is not None]

    def _write(self, message: Message, *, is_shared: bool) -> Letter | None:
        """The letter, from what is true now; None when it must not go, which is then settled. `is_shared`: somebody else reads
        the address too."""
        try:
            kind = kinds.get(message.kind)
            barred = why_not(message.patient, kind)
            if barred is not None:
                ledger.close(
                    message, self.worker, State.SUPPRESSED, reason=barred.sentence, error="contact", code=barred.code
                )
                self.tally["suppressed"] += 1
                return None
            unwanted = kind.still_wanted(message)
            if unwanted is not None:
                ledger.close(message, self.worker, State.CANCELLED, reason=unwanted, error="not_wanted")
                self.tally["cancelled"] += 1
                return None
            return None if self._waits_for_morning(message) else rendering.write(message, is_shared=is_shared)
        except Exception as exc:  # a broken template or fact of one message is no reason to keep the others
            ledger.fault(message, self.worker, exc, self.limits)
            self.tally["fault"] += 1
            return None

    def _waits_for_morning(self, message: Message) -> bool:
        if not message.quiet_hours_apply:
            return False
        clinic = message.clinic
        quiet = timing.QuietHours(clinic.quiet_from, clinic.quiet_until, clinic.tz)
        until = timing.waits_until(message.claimed_at, send_at=message.send_at, quiet=quiet)
        if until is None:
            return False
        if until >= message.expires_at:
            ledger.close(
                message, self.worker, State.EXPIRED, reason="Only quiet hours were left before it lost its use."
            )
            self.tally["expired"] += 1
        else:
            ledger.postpone(message, self.worker, until)
            self.tally["postponed"] += 1
        return True

    def _open(self) -> None:
        self.relay.open()
        self.breaker.worked()

    def _hand_over(self, letters: list[Letter]) -> None:
        """Envelope of the first, marker for the group, then one text after the other."""
        letters = self._until_an_envelope_opens(letters)
        if not letters:
            return
        if _elapsed() >= self.deadline:
            self.relay.forget()
            self._give_back(letters)
            return
        # Before the marker: what cannot be made must not leave a message in doubt. A token that then goes nowhere is known
        # to nobody.
        on_the_wire = with_links(letters)
        marked = ledger.mark(letters, self.worker, self.limits)
        marked_at = _elapsed()
        if letters[0].message.pk not in marked:
            self.relay.forget()
        self._give_back([letter for letter in letters if letter.message.pk not in marked])
        leaving = [letter for letter in on_the_wire if letter.message.pk in marked]
        self._send_texts(leaving, marked_at, opened=on_the_wire[0])

    def _until_an_envelope_opens(self, letters: list[Letter]) -> list[Letter]:
        """Refusals met here are certain and cost no marker."""
        while letters:
            self._open()
            try:
                self.relay.envelope(letters[0].mail)
            except (relay.Refused, relay.Dropped, relay.Unwritable) as exc:
                self._turned_away(letters.pop(0), exc)
            else:
                return letters
        return []

    def _send_texts(self, letters: list[Letter], marked_at: float, *, opened: Letter) -> None:
        taken: list[tuple[int, str]] = []
        waiting = list(letters)

        def still_fresh() -> bool:
            return _elapsed() - marked_at < self.limits.fresh_seconds

        try:
            while waiting:
                if not still_fresh():
                    break
                letter, mail = waiting[0], waiting[0].mail
                try:
                    if letter is not opened:
                        self._open()
                        self.relay.envelope(mail)
                    if len(waiting) > 1:
                        self.relay.ahead(waiting[1].mail)
                    reference = self.relay.hand_over(mail, still_fresh)
                except (relay.Refused, relay.Dropped, relay.Unwritable) as exc:
                    self._turned_away(letter, exc)
                except relay.InDoubt:
                    ledger.in_doubt(letter.message, self.worker)
                    self.tally["in_doubt"] += 1
                except relay.Stale:
                    break
                else:
                    taken.append((letter.message.pk, reference))
                waiting.pop(0)
        finally:
            self.tally["sent"] += ledger.sent(taken, self.worker)
        if waiting:
            self.relay.forget()
        self._give_back(waiting)

    def _turned_away(self, letter: Letter, exc: relay.RelayError) -> None:
        message = letter.message
        if isinstance(exc, relay.Unwritable):
            ledger.fault(message, self.worker, exc.__cause__ or exc, self.limits)
            self.tally["fault"] += 1
            return
        if isinstance(exc, relay.Refused) and exc.is_final:
            if exc.names_a_dead_address:
                reason = "The mail server says this address does not exist."
            else:
                reason = f"The mail server refused it ({exc.code})."
            error = "address" if exc.about_address else "refused"
            ledger.refuse(message, self.worker, code=exc.code, error=error, reason=reason)
            if exc.names_a_dead_address:
                # What else waits for it is not sent and the desk calls; a new address takes the flag away.
                events.address_is_dead(message=message, address=letter.to_address)
            self.tally["failed"] += 1
            return
        code = exc.code if isinstance(exc, relay.Refused) else 0
        error = "turned_away" if code else "connection_lost"
        ledger.try_later(message, self.worker, code=code, error=error, limits=self.limits)
        self.tally["put_off"] += 1

    def _give_back(self, letters: list[Letter]) -> None:
        if letters:
            self.tally["given_back"] += ledger.give_back([letter.message.pk for letter in letters], self.worker)


def read_whose(messages: list[Message]) -> None:
    """Patient and clinic of each, as they are now: two queries, and one row in memory for each of them."""
    people = _by_key(_people(), {message.patient_id for message in messages})
    clinics = _by_key(_clinics(), {message.clinic_id for message in messages})
    for message in messages:
        message.patient, message.clinic = people[message.patient_id], clinics[message.clinic_id]


def _by_key(statement: Statement, ids: set[int]) -> dict[int, Any]:
    return {row.pk: row for row in statement.rows(ids=list(ids))}


IDS = Given("ids", ArrayField(BigIntegerField()))


@cache
def _people() -> Statement:
    # No letter asks for the keys of the search, and they are most of the row.
    return Statement(Patient.objects.filter(among("id", IDS)).defer("search_keys", "name_key"))


@cache
def _clinics() -> Statement:
    return Statement(Clinic.objects.filter(among("id", IDS)))


def with_links(letters: list[Letter]) -> list[Letter]:
    """The letters as they go onto the wire: each with links of its own, all made by one statement. Sent again, a letter
    gets new ones."""
    orders = [
        links.Order(letter.message.patient, wanted, letter.message)
        for letter in letters
        for wanted in letter.links.values()
    ]
    tokens = iter(links.issue(orders))
    return [
        letter.with_links({name: next(tokens) for name in letter.links}) if letter.links else letter
        for letter in letters
    ]


def in_groups(letters: list[Letter], size: int) -> Iterator[list[Letter]]:
    for start in range(0, len(letters), size):
        yield letters[start : start + size]


def _elapsed() -> float:
    return time.clock_gettime(_CLOCK)
