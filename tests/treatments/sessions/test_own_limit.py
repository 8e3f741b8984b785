"""How deep a clinician goes herself: at the chair, in the service, and in the database for whoever comes past both."""

from decimal import Decimal

import pytest
from django.db import transaction

from clinic.errors import DomainError
from clinic.models import Membership
from clinic.roles import Role
from tests import factories
from tests.treatments.sessions.test_depth_guard import ZONE, insert_zone, refused, without_guard
from treatments.sessions import services as sessions
from treatments.sessions.depths import last_of_course, zone_limits

pytestmark = pytest.mark.django_db
OWN = "zone_within_own_limit"


@pytest.fixture
def limited(open_session) -> Membership:
    """The clinician of the open session, who goes 0.75 mm deep; the start of the session is 1 mm."""
    return limit(open_session.operator, "0.75")


def limit(who: Membership, depth: str | None) -> Membership:
    Membership.objects.filter(pk=who.pk).update(max_depth_mm=depth)
    return Membership.objects.select_related("user", "clinic").get(pk=who.pk)


def chart(session, depth, by, **more):
    with transaction.atomic():
        return sessions.set_zone(session=session, zone="cheek", depth_mm=Decimal(depth), passes=4, by=by, **more)


def test_deeper_than_her_own_limit_is_refused_and_names_it(open_session, limited):
    with pytest.raises(DomainError) as refusal:
        chart(open_session, "0.76", limited)
    assert refusal.value.field == "depth"
    assert refusal.value.sentence.startswith("Noor Adeyemi goes 0.75 mm deep at most.")
    row = chart(open_session, "0.75", limited)
    assert (row.hard_cap_mm, row.ordered_by) == (Decimal("0.75"), None)


def test_the_chair_shows_her_limit_as_the_one_that_nothing_passes(clinician, open_session, limited):
    allowed = zone_limits(open_session, "cheek", by=limited, previous=last_of_course(open_session))
    assert (allowed.start_mm, allowed.soft_max_mm, allowed.hard_cap_mm) == (Decimal("0.75"),) * 3
    page = clinician.get(f"/sessions/{open_session.ref}/?step=treat&zone=cheek").content.decode()
    assert "Noor Adeyemi goes 0.75 mm deep at most." in page
    assert "never over 0.75" in page
    answer = clinician.post(
        f"/sessions/{open_session.ref}/zones/cheek/", {"depth": "other", "depth_other": "1", "passes": "4", "version": open_session.version}
    )  # fmt: skip
    assert answer.status_code == 422
    assert "Noor Adeyemi goes 0.75 mm deep at most." in answer.content.decode()


def test_without_a_limit_of_her_own_the_protocol_decides(open_session):
    by = limit(open_session.operator, None)
    allowed = zone_limits(open_session, "cheek", by=by, previous=None)
    by = limit(by, "2.5")
    assert zone_limits(open_session, "cheek", by=by, previous=None) == allowed
    assert chart(open_session, "1.00", by).ordered_by is None


def test_a_colleague_does_not_lift_the_limit_of_the_sessions_clinician(open_session, limited, clinic):
    colleague = factories.make_member(clinic, Role.CLINICIAN, name="Jonas Feld")
    with pytest.raises(DomainError, match="Noor Adeyemi goes 0.75 mm"):
        chart(open_session, "1.00", colleague)


def test_a_prescriber_takes_a_zone_over_within_her_own_limit_and_her_name_stays(open_session, limited, prescriber_member):  # fmt: skip
    prescriber = limit(prescriber_member, "0.90")
    with pytest.raises(DomainError, match="Dr Ines Halloran goes 0.9 mm"):
        chart(open_session, "1.00", prescriber)
    assert chart(open_session, "0.90", prescriber).ordered_by == prescriber.user
    # What she has charted is hers: no order lifts the limit of the clinician who goes on.
    with pytest.raises(DomainError, match="Noor Adeyemi goes 0.75 mm"):
        chart(open_session, "0.80", limited)
    assert chart(open_session, "0.75", limited).ordered_by is None


def test_the_database_keeps_the_limit_whoever_writes(open_session, limited, prescriber_member, clinic):
    assert refused(lambda: insert_zone(open_session, depth_mm="0.76")) == OWN
    colleague = factories.make_member(clinic, Role.CLINICIAN)
    assert refused(lambda: insert_zone(open_session, depth_mm="1.0", ordered_by_id=colleague.user_id)) == OWN
    limit(prescriber_member, "0.9")
    assert refused(lambda: insert_zone(open_session, depth_mm="1.0", ordered_by_id=prescriber_member.user_id)) == OWN
    insert_zone(open_session, depth_mm="0.75")
    limit(prescriber_member, None)
    insert_zone(open_session, depth_mm="1.0", zone="chin", ordered_by_id=prescriber_member.user_id)
    assert refused(lambda: open_session.zones.filter(zone="cheek").update(depth_mm="1.0")) == OWN


def test_without_the_guard_she_would_go_as_deep_as_the_protocol(open_session, limited):
    """Negative control."""
    with without_guard(ZONE, "zone_depth_guard"):
        insert_zone(open_session, depth_mm="1.0")
    assert open_session.zones.get().depth_mm == Decimal("1.00")
