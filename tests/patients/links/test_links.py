"""A link is for one purpose, ends, is counted, and once closed stays closed. Only its hash is kept."""

import re
from datetime import date, timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from clinic import clock
from clinic.models import AuditEvent
from patients.links import purposes, services
from patients.links.purposes import Purpose, Wanted
from patients.models import PatientLink
from tests import factories
from tests.patients.links.made import a_token, ended, row_of

WRONG = date(1970, 1, 1)


@pytest.mark.django_db
def test_a_token_has_256_bits_and_only_its_hash_is_kept(patient):
    token = a_token(patient)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    kept = str(PatientLink.objects.values_list().get())
    assert token not in kept
    assert services.hash_of(token) in kept


@pytest.mark.django_db
def test_links_for_a_whole_batch_are_one_statement_and_come_in_order(patient, django_assert_num_queries):
    abouts = [uuid4() for _ in range(50)]
    with django_assert_num_queries(1):
        tokens = services.issue([services.Order(patient, Wanted("contact", about=about)) for about in abouts])
    assert len(set(tokens)) == 50
    assert [row_of(token).about for token in tokens] == abouts


@pytest.mark.django_db
def test_no_orders_cost_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert services.issue([]) == []


@pytest.mark.django_db
def test_a_link_lasts_as_long_as_its_purpose_says_or_until_its_own_end_by_the_clinics_clock(patient):
    usual, own = row_of(a_token(patient)), row_of(a_token(patient, until=clock.now() + timedelta(days=3)))
    past = row_of(a_token(patient, until=clock.now() - timedelta(days=3)))
    assert usual.expires_at - usual.made_at == purposes.CONTACT.lasts
    assert abs(own.expires_at - own.made_at - timedelta(days=3)) < timedelta(minutes=1)
    # What it is about is over, and its page can still say so.
    assert past.expires_at - past.made_at == timedelta(hours=1)


@pytest.mark.django_db
def test_a_clock_that_the_demo_moves_ends_no_link(patient):
    token = a_token(patient)
    clock.shift(timedelta(days=365))
    assert services.open_link(token=token) is not None


@pytest.mark.django_db
def test_an_unknown_an_ended_and_a_closed_link_open_nothing(patient, manager_member):
    closed = a_token(patient)
    services.close(link=row_of(closed), because="Sent to the wrong address", by=manager_member.user)
    for token in ("A" * 43, ended(patient), closed):
        assert services.open_link(token=token) is None


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["deceased", "merged", "moved_away", "entered_in_error"])
def test_a_link_of_a_closed_record_opens_nothing(patient, status):
    token = a_token(patient)
    link = services.open_link(token=token)
    patient.status = status
    patient.save(update_fields=["status"])
    assert services.open_link(token=token) is None
    assert services.still_open(ref=link.ref, purpose="contact") is None
    assert services.look_up(token=token, purpose="contact") is None


@pytest.mark.django_db
def test_a_link_opens_twenty_times(patient):
    token = a_token(patient)
    assert all(services.open_link(token=token) for _ in range(20))
    assert services.open_link(token=token) is None
    assert row_of(token).opened == 20
    # Whoever has it open reads on.
    assert services.still_open(ref=row_of(token).ref, purpose="contact") is not None


def at_once(act, how_many: int = 4) -> list:
    """What `act` gives to each of several who do it at the same moment."""
    found, barrier = [], Barrier(how_many)

    def run() -> None:
        try:
            found.append(act(barrier))
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(how_many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def opened_together(token: str, barrier: Barrier):
    barrier.wait()
    return services.open_link(token=token)


def looked_first(token: str, barrier: Barrier):
    """As it must not be done: everybody looks, then everybody opens."""
    is_left = row_of(token).opened < services.MOST_OPENS
    barrier.wait()
    if is_left:
        PatientLink.objects.filter(token_sha256=services.hash_of(token)).update(opened=F("opened") + 1)
    return is_left or None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("way", "let_in"), [(opened_together, 1), (looked_first, 4)], ids=["ours", "control"])
def test_of_many_who_open_the_last_time_at_once_one_gets_in(patient, way, let_in):
    token = a_token(patient)
    PatientLink.objects.update(opened=services.MOST_OPENS - 1)
    found = at_once(lambda barrier: way(token, barrier))
    assert len([one for one in found if one]) == let_in
    assert row_of(token).opened == services.MOST_OPENS - 1 + let_in


@pytest.mark.django_db
def test_her_date_of_birth_is_known_at_the_first_try(patient):
    link = row_of(a_token(patient))
    assert services.prove_birth(link=link, born_on=patient.born_on) == services.Proof(True, 5)
    assert row_of_again(link).wrong_births == 0


@pytest.mark.django_db
def test_the_fifth_wrong_date_closes_the_link_and_the_right_one_comes_too_late(patient):
    link = row_of(a_token(patient))
    left = [services.prove_birth(link=link, born_on=WRONG).tries_left for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert services.prove_birth(link=link, born_on=patient.born_on) == services.Proof(False, 0)
    assert row_of_again(link).closed_because == services.GUESSED
    event = AuditEvent.objects.get(action="link.closed")
    assert (event.by, event.target_ref, event.clinic) == (None, link.ref, patient.clinic)


@pytest.mark.django_db(transaction=True)
def test_guesses_that_come_at_once_are_counted_one_by_one(patient):
    link = row_of(a_token(patient))
    PatientLink.objects.update(wrong_births=services.BIRTH_TRIES - 2)

    def guess(barrier: Barrier):
        barrier.wait()
        return services.prove_birth(link=link, born_on=WRONG).tries_left

    assert sorted(at_once(guess)) == [0, 0, 0, 1]
    assert row_of_again(link).wrong_births == services.BIRTH_TRIES
    assert AuditEvent.objects.filter(action="link.closed").count() == 1


@pytest.mark.django_db
def test_a_closed_link_says_who_and_why_and_is_closed_once(patient, manager_member, clinician_member):
    link = row_of(a_token(patient))
    services.close(link=link, because="Sent to the wrong address", by=manager_member.user)
    services.close(link=link, because="Something else", by=clinician_member.user)
    link = row_of_again(link)
    assert (link.closed_because, link.closed_by) == ("Sent to the wrong address", manager_member.user)
    assert AuditEvent.objects.filter(action="link.closed").count() == 1


@pytest.mark.django_db
def test_the_database_lets_nobody_open_a_closed_link_again_or_point_it_elsewhere(patient, manager_member):
    link = services.close(link=row_of(a_token(patient)), because="A mistake", by=manager_member.user)
    for change in ({"closed_at": None, "closed_because": ""}, {"purpose": "visit"}, {"expires_at": clock.now()}):
        with (
            pytest.raises(IntegrityError, match="patient_link_stays_closed"),
            transaction.atomic(),
        ):
            PatientLink.objects.filter(pk=link.pk).update(**change)


@pytest.mark.django_db
def test_all_links_of_a_patient_end_together_and_nobody_elses(clinic, patient, manager_member):
    hers, neighbours = [a_token(patient) for _ in range(3)], a_token(factories.make_patient(clinic, given_name="Aisha"))
    assert services.close_all(patient=patient, because="Merged", by=manager_member.user) == 3
    assert [services.open_link(token=token) for token in hers] == [None] * 3
    assert services.open_link(token=neighbours) is not None
    assert services.close_all(patient=patient, because="Merged", by=manager_member.user) == 0


@pytest.mark.django_db
def test_a_purpose_that_nobody_registered_is_refused_before_anything_is_written(patient):
    with pytest.raises(KeyError):
        a_token(patient, "nonsense")
    assert not PatientLink.objects.exists()


def test_two_purposes_cannot_share_a_name():
    again = Purpose("contact", asks_birth_date=True, lasts=timedelta(days=1), home="patients:my_contact")
    with pytest.raises(ValueError, match="contact"):
        purposes.register(again)
    purposes.register(purposes.CONTACT)


def row_of_again(link: PatientLink) -> PatientLink:
    return PatientLink.objects.get(pk=link.pk)
