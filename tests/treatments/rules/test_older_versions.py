"""A clinic that signed a version from before unwanted effects were listed can write down a reaction all the same."""

import hashlib
from dataclasses import replace

import pytest

from tests.protocol.test_catalogue import as_published_at_first, parse_without_idle_sources
from tests.treatments.sessions.browsing import page, post
from treatments.protocol.anaesthetic import area_limit_cm2
from treatments.rules import services as rules
from treatments.rules.models import ProtocolVersion
from treatments.rules.policy import catalogue_for
from treatments.sessions.models import AdverseEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_early(done_session, prescriber_member):
    """The clinic has adopted a version that knows no grades, no effects and no limit for strong creams."""
    text = parse_without_idle_sources(as_published_at_first()).text.replace('version = "', 'version = "2025.')
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    early = ProtocolVersion.objects.create(version="2025", sha256=sha256, toml=text)
    rules.adopt(clinic=done_session.clinic, protocol=early, by=prescriber_member)
    done_session.clinic.refresh_from_db()
    assert catalogue_for(done_session.clinic).version.startswith("2025.")
    return done_session


def test_a_reaction_is_offered_and_kept(clinician, signed_early):
    assert "hospital" in page(clinician, signed_early, "close")
    kept = post(clinician, "report_adverse_event", signed_early.ref, code="infection", grade="3")
    assert kept.status_code == 302
    assert AdverseEvent.objects.get().grade == 3


def test_a_strong_cream_has_a_largest_area_and_signs_to_stop(signed_early):
    found = catalogue_for(signed_early.clinic)
    silent = replace(found.anaesthetics["compounded_23_7"], max_area_cm2=None)
    assert area_limit_cm2(silent, found.numbing) == 100
    assert "ringing in the ears" in found.numbing.stop_signs
