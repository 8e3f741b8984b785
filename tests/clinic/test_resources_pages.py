"""The manager's screens of rooms, people, hours, closed days and devices; everybody else reads."""

import re
import uuid
from datetime import time, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.models import AuditEvent, Room, TimeOff
from clinic.resources import services
from tests import factories
from tests.fixtures.browser import overflow, wrong_in_every_view
from treatments.appointments.models import Appointment
from treatments.rules.models import Device

DAY = factories.TODAY + timedelta(days=7)


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def press(client, url: str, **typed):
    return client.post(url, {"submit_token": str(uuid.uuid4())} | typed)


def said_at(response) -> dict[str, str]:
    """Field to what stands at it."""
    return {name: errors[0] for name, errors in response.context["form"].errors.items()}


def page(name: str, row=None) -> str:
    return reverse(f"clinic:{name}", args=[row.ref] if row is not None else [])


WEEK = {f"weekday_{day}": "09:00 to 17:00" for day in range(1, 7)}


@pytest.mark.django_db
class TestRooms:
    def test_a_room_is_added_renamed_and_moved(self, manager, clinic):
        assert press(manager, page("room_new"), name="Laser room", short_name="LR").status_code == 302
        room = Room.objects.get(name="Laser room")
        press(manager, page("room_change", room), name="Quiet room", short_name="Q")
        press(manager, page("room_shift", room), to="up")
        assert list(clinic.rooms.values_list("short_name", flat=True)) == ["R1", "Q", "R2"]
        settings = text(manager.get("/settings/"))
        assert settings.index("Quiet room") < settings.index("Room 2")

    def test_a_name_used_twice_is_said_at_its_field_and_what_was_typed_stays(self, manager):
        again = press(manager, page("room_new"), name="room 1", short_name="R7")
        assert again.status_code == 422
        assert said_at(again) == {"name": "Another room has this name already. Choose another one."}
        assert 'value="R7"' in again.content.decode()
        assert said_at(press(manager, page("room_new"), name="Room 9", short_name="r1"))["short_name"].startswith(
            "Another"
        )
        assert set(said_at(press(manager, page("room_new")))) == {"name", "short_name"}

    def test_out_of_service_shows_the_visits_first_and_says_why_afterwards(self, manager, desk, active_plan):
        visit = factories.book(active_plan.planned_sessions.get(number=1), day=DAY)
        url = page("room_out", visit.room)
        assert said_at(press(manager, url, reason="")) == {"reason": "Say why."}

        shown = press(manager, url, reason="Flooded")
        assert shown.status_code == 200
        assert "1 booked visit cannot be kept then" in text(shown)
        assert "Tue 16 Mar 2027, 11:00 Leila Haddad Noor Adeyemi R1 Room 1 is out of service" in text(shown)
        assert 'value="Flooded"' in shown.content.decode()
        assert Room.objects.get(pk=visit.room_id).in_service
        (seen,) = re.findall(r'name="seen" value="([0-9a-f]{64})"', shown.content.decode())

        assert press(manager, url, reason="Flooded", seen=seen).status_code == 302
        assert not Room.objects.get(pk=visit.room_id).in_service
        assert Appointment.objects.get().status == "booked"
        assert "Out of service Flooded" in text(desk.get("/settings/"))
        press(manager, page("room_back", visit.room))
        assert "Flooded" not in text(desk.get("/settings/"))

    def test_what_was_not_read_is_not_confirmed_by_any_other_word(self, manager, active_plan):
        visit = factories.book(active_plan.planned_sessions.get(number=1), day=DAY)
        for seen in ("yes", "0" * 64, "\ud800"[:0] + "ä" * 64):
            assert press(manager, page("room_out", visit.room), reason="Flooded", seen=seen).status_code == 200
        assert Room.objects.get(pk=visit.room_id).in_service


@pytest.mark.django_db
class TestPeople:
    def test_everybody_reads_a_persons_page_and_only_the_manager_changes_it(self, manager, desk, clinician, clinician_member):  # fmt: skip
        url = page("person", clinician_member)
        services.change_person(membership=clinician_member, sees_patients=True, max_depth_mm="1.25", by=manager.membership.user)  # fmt: skip
        assert "Own depth limit 1.25 mm" in text(manager.get(url))
        assert "1.25" in text(clinician.get(url)) and "1.25" not in text(desk.get(url))
        for client in (desk, clinician):
            assert page("person_hours", clinician_member) not in client.get(url).content.decode()
            assert client.get(page("person_hours", clinician_member)).status_code == 403
        assert "Monday 09:00 to 17:00" in text(desk.get(url)) and "Sunday not in" in text(desk.get(url))

    def test_hours_are_changed_from_a_day_on(self, manager, desk, clinician_member):
        url = page("person_hours", clinician_member)
        assert manager.get(url).context["form"]["weekday_1"].value() == "09:00 to 17:00"
        typed = WEEK | {"weekday_2": "10:00 to 13:00, 14:00 to 19:00", "valid_from": DAY.isoformat()}
        assert press(manager, url, **typed).status_code == 302
        read = text(desk.get(page("person", clinician_member)))
        assert "Now until Mon 15 Mar 2027" in read and "From Tue 16 Mar 2027" in read
        assert "Tuesday 10:00 to 13:00, 14:00 to 19:00" in read

    @pytest.mark.parametrize(
        ("typed", "field", "said"),
        [
            ({"weekday_2": "22:00 to 06:00"}, "weekday_2", "crosses midnight"),
            ({"weekday_3": "9-13, 12-17"}, "weekday_3", "overlap"),
            ({"weekday_4": "whenever"}, "weekday_4", "“whenever” is no working time"),
            ({"valid_from": "2027-02-30"}, "valid_from", "a day that exists"),
            ({"valid_from": "2027-03-08"}, "valid_from", "past days stays as it was"),
            ({"valid_until": "2027-03-01"}, "valid_until", "lies before the first"),
        ],
    )
    def test_hours_that_cannot_be_are_said_at_their_field(self, manager, clinician_member, typed, field, said):
        url = page("person_hours", clinician_member)
        refused = press(manager, url, **WEEK | {"valid_from": DAY.isoformat()} | typed)
        assert refused.status_code == 422 and said in said_at(refused)[field]
        assert unescape(refused.content.decode()).count(typed[field]) > 0, "nothing typed is lost"
        assert clinician_member.working_hours.count() == 6

    def test_a_single_day_is_added_changed_and_given_up(self, manager, clinician_member):
        url, her_page = page("person_day", clinician_member), page("person", clinician_member)
        day = {"on": DAY.isoformat(), "reason": "Course"}
        assert said_at(press(manager, url, **day)) == {"what": "Choose what counts on this day."}
        assert "hours" in said_at(press(manager, url, **day, what="own"))
        assert "crosses midnight" in said_at(press(manager, url, **day, what="own", hours="20-2"))["hours"]
        night = {"on": "2027-03-28", "what": "own", "hours": "01:30 to 09:00"}
        assert "01:30 does not exist" in said_at(press(manager, url, **night))["hours"]

        press(manager, url, **day, what="own", hours="9-12, 14-18")
        assert "Tue 16 Mar 2027 09:00 to 12:00, 14:00 to 18:00 Course" in text(manager.get(her_page))
        opened = manager.get(url, {"on": DAY.isoformat()}).context["form"]
        assert (opened["what"].value(), opened["hours"].value()) == ("own", "09:00 to 12:00, 14:00 to 18:00")
        press(manager, url, **day, what="out")
        assert "Tue 16 Mar 2027 not in" in text(manager.get(her_page))
        press(manager, url, **day, what="weekly")
        assert "No day ahead differs" in text(manager.get(her_page))
        assert manager.get(url, {"on": "nonsense"}).status_code == 200

    def test_time_off_is_added_and_taken_back(self, manager, desk, clinician_member):
        url = page("person_time_off", clinician_member)
        span = {"first_day": DAY.isoformat(), "last_day": DAY.isoformat(), "reason": "Holiday"}
        assert said_at(press(manager, url, **span | {"last_day": "2027-03-01"}))["last_day"].startswith(
            "The last day lies"
        )
        assert "longer than a year" in said_at(press(manager, url, **span | {"last_day": "2028-03-16"}))["last_day"]
        assert "does not exist" in said_at(press(manager, url, first_day="2027-03-28", last_day="2027-03-28", from_time="01:30"))["from_time"]  # fmt: skip
        assert said_at(press(manager, url, **span, from_time="25:61"))["from_time"] == "Enter a time as 09:00."
        assert press(manager, url, **span).status_code == 302
        assert "Tue 16 Mar 2027 Holiday" in text(desk.get(page("person", clinician_member)))
        press(manager, page("time_off_end", TimeOff.objects.get()))
        assert "No time off ahead." in text(desk.get(page("person", clinician_member)))

    def test_taking_back_what_is_over_is_answered_in_words(self, manager, clinic, clinician_member, later):
        by = manager.membership.user
        away = services.add_time_off(clinic=clinic, membership=clinician_member, first_day=DAY, last_day=DAY, by=by)
        later(timedelta(days=8))
        answer = press(manager, page("time_off_end", away))
        assert answer.status_code == 409 and "This is over and stays as it was." in text(answer)

    def test_the_page_costs_the_same_with_much_on_it(self, manager, clinic, clinician_member):
        by = manager.membership.user

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert manager.get(page("person", clinician_member)).status_code == 200
            return len(captured)

        def fill(number: int) -> None:
            on = DAY + timedelta(days=30 * number)
            services.set_weekly_hours(membership=clinician_member, hours=factories.WEEK, valid_from=on, by=by)
            services.set_day_hours(membership=clinician_member, on=on, stretches=[], by=by)
            services.add_time_off(clinic=clinic, membership=clinician_member, first_day=on, last_day=on, by=by)

        fill(0)
        queries()  # the first request of a session writes that it was there
        few = queries()
        for number in range(1, 6):
            fill(number)
        assert queries() == few

    def test_a_limit_that_no_needle_has_is_said_at_its_field(self, manager, clinician_member):
        url = page("person_change", clinician_member)
        for typed in ("0", "-1", "3.01", "deep", "1.234"):
            refused = press(manager, url, sees_patients="on", max_depth_mm=typed)
            assert refused.status_code == 422 and said_at(refused)["max_depth_mm"], typed
        press(manager, url, sees_patients="on", max_depth_mm="1.5")
        clinician_member.refresh_from_db()
        assert str(clinician_member.max_depth_mm) == "1.50"
        press(manager, url, sees_patients="on", max_depth_mm="")
        clinician_member.refresh_from_db()
        assert clinician_member.max_depth_mm is None
        assert AuditEvent.objects.filter(action="membership.changed").last().facts == {"fields": ["max_depth_mm"]}

    def test_somebody_leaves_and_comes_back(self, manager, clinician, clinician_member, active_plan):
        factories.book(active_plan.planned_sessions.get(number=1), day=DAY)
        url = page("person_left", clinician_member)
        shown = press(manager, url)
        assert "Mark Noor Adeyemi as left?" in text(shown) and "1 booked visit cannot be kept then" in text(shown)
        assert clinician.get("/today/").status_code == 200
        (seen,) = re.findall(r'name="seen" value="([0-9a-f]{64})"', shown.content.decode())
        assert press(manager, url, seen=seen).status_code == 302
        assert clinician.get("/today/").status_code != 200
        press(manager, page("person_back", clinician_member))
        assert clinician.get("/today/").status_code != 200  # her sessions are over: she signs in again
        factories.sign_in(clinician, clinician_member.user)
        assert clinician.get("/today/").status_code == 200

    def test_the_manager_cannot_leave_by_her_own_hand(self, manager, manager_member):
        assert page("person_left", manager_member) not in manager.get(page("person", manager_member)).content.decode()
        refused = press(manager, page("person_left", manager_member))
        assert refused.status_code == 422 and "You cannot mark yourself as gone" in text(refused)


@pytest.mark.django_db
def test_the_clinic_is_closed_after_a_look_at_the_visits_and_opened_again(manager, desk, active_plan):
    factories.book(active_plan.planned_sessions.get(number=1), day=DAY)
    span = {"first_day": DAY.isoformat(), "last_day": DAY.isoformat(), "reason": "Good Friday"}
    shown = press(manager, page("close_clinic"), **span)
    assert "Leila Haddad Noor Adeyemi R1 The clinic is closed" in text(shown)
    (seen,) = re.findall(r'name="seen" value="([0-9a-f]{64})"', shown.content.decode())
    # Another day than the one that was read about: shown again, or done where nobody is touched.
    another = span | {"first_day": "2027-03-17", "last_day": "2027-03-17"}
    assert press(manager, page("close_clinic"), **another, seen=seen).status_code == 302
    assert press(manager, page("close_clinic"), **span, seen=seen).status_code == 302
    assert "Tue 16 Mar 2027 Good Friday" in text(desk.get("/settings/"))
    for closed in TimeOff.objects.all():
        press(manager, page("time_off_end", closed))
    assert "No closed day ahead" in text(desk.get("/settings/"))


@pytest.mark.django_db
class TestDevices:
    NEW = "/settings/equipment/devices/new/"

    def test_a_device_is_added_and_changed_with_the_words_of_its_label(self, manager, clinician):
        typed = {"name": "Roller", "face": "1.5 mm", "neck": "", "body": "2", "zones": "Cheek 2.0, nose 0.5 mm", "filler_washout_days": "180", "indications": ["acne_scar_face"]}  # fmt: skip
        assert press(manager, self.NEW, **typed).status_code == 302
        device = Device.objects.get(name="Roller")
        assert device.max_depth_mm == {"face": 1.5, "body": 2.0, "cheek": 2.0, "nose": 0.5}
        assert (device.filler_washout_days, device.indications) == (180, ["acne_scar_face"])
        url = reverse("treatments:device_change", args=[device.ref])
        form = manager.get(url).context["form"]
        again = {name: form[name].value() for name in form.fields if form[name].value() is not None}
        assert press(manager, url, **again | {"body": "1.5"}).status_code == 302
        device.refresh_from_db()
        assert device.max_depth_mm["body"] == 1.5 and device.max_depth_mm["cheek"] == 2.0
        assert "cheek 2.00 mm" in text(clinician.get("/settings/equipment/"))

    @pytest.mark.parametrize(
        ("typed", "field", "said"),
        [
            ({"name": ""}, "name", "Enter the name"),
            ({"face": "10.5"}, "face", "above 0 and up to 10"),
            ({"body": "0"}, "body", "above 0 and up to 10"),
            ({"neck": "deep"}, "neck", "enter the depth of the label"),
            ({"zones": "cheek"}, "zones", "write the zone and its depth"),
            ({"zones": "eyelid 0.5"}, "zones", "a zone that is treated"),
            ({"zones": "nose 0.5, Nose 1"}, "zones", "each zone once"),
            ({"filler_washout_days": "-1"}, "filler_washout_days", "0 days or more"),
            ({"filler_washout_days": "731"}, "filler_washout_days", "at most 730"),
            ({"indications": "wishes"}, "indications", "Choose from the list"),
        ],
    )
    def test_what_no_label_says_is_refused_at_its_field(self, manager, typed, field, said):
        refused = press(manager, self.NEW, **{"name": "Roller", "face": "1.5"} | typed)
        assert refused.status_code == 422 and said in said_at(refused)[field]
        assert not Device.objects.filter(name="Roller").exists()

    def test_a_device_goes_out_of_service_and_comes_back(self, manager, clinician, active_plan):
        visit = factories.book(active_plan.planned_sessions.get(number=1), day=DAY)
        url = reverse("treatments:device_out", args=[visit.device.ref])
        shown = press(manager, url, reason="Repair")
        assert "Leila Haddad Noor Adeyemi R1 NP-2 pen is out of service" in text(shown)
        (seen,) = re.findall(r'name="seen" value="([0-9a-f]{64})"', shown.content.decode())
        assert press(manager, url, reason="Repair", seen=seen).status_code == 302
        assert "Out of service Repair" in text(clinician.get("/settings/equipment/"))
        press(manager, reverse("treatments:device_back", args=[visit.device.ref]))
        assert "Repair" not in text(clinician.get("/settings/equipment/"))


# ── In a browser ──────────────────────────────────────────────────────────────


@pytest.fixture
def busy_clinic(transactional_db, clinic, manager_member, clinician_member, active_plan) -> Appointment:
    """Something in every list; the visit that is booked with Noor in room 1."""
    by = manager_member.user
    visit = factories.book(active_plan.planned_sessions.get(number=1), day=DAY)

    def days(first: int, last: int) -> dict:
        return {"first_day": DAY + timedelta(days=first), "last_day": DAY + timedelta(days=last)}

    hours = {day: [(time(9), time(13)), (time(14), time(18))] for day in (1, 2, 4)}
    services.set_weekly_hours(membership=clinician_member, hours=hours, valid_from=DAY + timedelta(days=60), by=by)
    services.set_day_hours(
        membership=clinician_member, on=DAY + timedelta(days=1), stretches=[(time(9), time(13))], reason="Course", by=by
    )
    services.add_time_off(clinic=clinic, membership=clinician_member, reason="Holiday", by=by, **days(2, 9))
    services.add_time_off(clinic=clinic, membership=None, reason="Easter", by=by, **days(10, 13))
    services.take_room_out(room=clinic.rooms.last(), reason="Floor is being laid until Friday", by=by)
    return visit


@pytest.mark.browser
def test_the_screens_at_every_width(visitors, manager_member, busy_clinic):
    everywhere = {
        "settings": "/settings/",
        "person": page("person", busy_clinic.clinician),
        "hours": page("person_hours", busy_clinic.clinician),
    }
    at_the_desk = {
        "day": page("person_day", busy_clinic.clinician),
        "time-off": page("person_time_off", busy_clinic.clinician),
        "does": page("person_change", busy_clinic.clinician),
        "equipment": "/settings/equipment/",
        "device": reverse("treatments:device_change", args=[busy_clinic.device.ref]),
    }
    visitor = visitors().sign_in(manager_member)
    wrong = []
    for name, url in everywhere.items():
        visitor.open(url)
        wrong += wrong_in_every_view(visitor, name)
    for name, url in at_the_desk.items():
        tab = visitor.open(url)
        visitor.shoot(f"{name}-desk")
        wrong += [f"{name}: {over} px too wide" for over in [overflow(tab)] if over > 0]
        wrong += [f"{name}: {violation}" for violation in visitor.axe()]
    tab = visitor.open(page("room_out", busy_clinic.room))
    tab.fill("[name=reason]", "Flooded")
    tab.click("button[type=submit]:has-text('Take it out of service')")
    tab.wait_for_selector("#touched")
    wrong += wrong_in_every_view(visitor, "touched")
    # The second press, on the page that has shown the visit.
    tab.click("button[type=submit]:has-text('Take it out of service')")
    tab.wait_for_url("**/settings/**")
    tab.wait_for_selector("text=Flooded")
    assert wrong == []
