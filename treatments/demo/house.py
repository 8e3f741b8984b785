"""The demo's clinic on the day it opens: its people and their hours, rooms, devices, cartridges, and what is known ahead."""

from dataclasses import dataclass
from datetime import date, timedelta

from clinic import services as clinic_services
from clinic.models import Clinic, Membership, User
from clinic.staff import services as staff_services
from treatments.demo import bought, cast, resources
from treatments.rules import services as rules
from treatments.rules.credentials import services as credentials
from treatments.rules.products import services as products
from treatments.sessions.lots import services as lots
from treatments.sessions.models import CartridgeLot


@dataclass(frozen=True)
class Opened:
    """`members`: everybody but the manager, by full name, in the clinic's order."""

    clinic: Clinic
    manager: Membership
    members: dict[str, Membership]
    lots: list[CartridgeLot]


def open_clinic(today: date) -> Opened:
    """`today`: the day the demo is about; it lies `builder.OPENED_DAYS_AGO` ahead of the day the clinic opens on."""
    clinic = clinic_services.create_clinic(
        manager_email=cast.MANAGER.email,
        manager_name=cast.MANAGER.name,
        password=cast.DEMO_PASSWORD,
        **cast.CLINIC,
    )
    manager = clinic.memberships.get()
    manager.title = cast.MANAGER.title
    manager.save(update_fields=["title"])
    by = manager.user
    joined = [_join(clinic, staff, position, by=by) for position, staff in enumerate(cast.STAFF, start=1)]
    members = {str(member): member for member in joined}
    _furnish(clinic, today, by=by)
    staff_services.invite(clinic=clinic, by=by, **cast.INVITED)
    _products(clinic, prescriber=members["Dr Ines Halloran"], by=by)
    _credentials(members, today=today, by=by)
    bought.set_up(clinic, by=by)
    rules.sign_off(clinic=clinic, by=members["Dr Ines Halloran"])
    resources.set_up(clinic, members, today=today, by=by)
    for member in joined:
        member.refresh_from_db(fields=["max_depth_mm"])
    stock = clinic.cartridge_lots.filter(in_use=True, received__gte=100)
    return Opened(clinic, manager, members, list(stock.order_by("-expires_on")))


def _join(clinic: Clinic, staff: cast.Staff, position: int, *, by: User) -> Membership:
    user = User.objects.create_user(staff.email, cast.DEMO_PASSWORD, full_name=staff.name)
    member = clinic_services.join(
        clinic=clinic, user=user, roles=list(staff.roles), by=by, title=staff.title, licence=staff.licence,
        sees_patients=staff.sees_patients, position=position,
    )  # fmt: skip
    if staff.hours:
        weekdays = range(1, 7) if staff.name != "Jonas Feld" else range(1, 6)
        clinic_services.set_weekly_hours(membership=member, hours={day: list(staff.hours) for day in weekdays}, by=by)
    return member


def _furnish(clinic: Clinic, today: date, *, by: User) -> None:
    for position in range(3):
        name = f"Room {position + 1}"
        clinic_services.add_room(clinic=clinic, name=name, short_name=f"R{position + 1}", position=position, by=by)
    for position in range(3):
        rules.add_device(
            clinic=clinic, by=by, name=f"Strata Pen 2, {'ABC'[position]}", maker="Invented Devices",
            serial=f"SP2-{417 + position:04d}", max_depth_mm={"face": 1.5, "neck": 1.5, "body": 2.0},
            filler_washout_days=None, indications=["acne_scar_face"],
        )  # fmt: skip
    rules.add_anaesthetic(
        clinic=clinic, by=by, name="Lidocaine 4 % cream", actives={"lidocaine": 4}, contact_minutes=30,
        max_contact_minutes=60, max_area_cm2=400,
    )  # fmt: skip
    CartridgeLot.objects.bulk_create(
        CartridgeLot(
            clinic=clinic, lot=lot, expires_on=today + timedelta(days=days), needles=needles, received=received
        )
        for lot, days, needles, received in (
            ("MP36-2611B", 600, 12, 400),
            ("MP36-2508A", 24, 12, 400),
            ("MP16-2702C", 700, 16, 4),
        )
    )
    recalled = CartridgeLot.objects.create(
        clinic=clinic, lot="MP36-2411D", expires_on=today + timedelta(days=210), needles=12, received=50
    )
    lots.take_lot_out(lot=recalled, reason="recalled", note="Field safety notice 2026-118: blister not sealed", by=by)


def _products(clinic: Clinic, *, prescriber: Membership, by: User) -> None:
    gel = products.list_product(clinic=clinic, name="Hyaluronic acid gel, sterile", maker="Invented Skincare", by=by)
    products.list_product(
        clinic=clinic, name="Brightening serum", maker="Invented Skincare", by=by, vitamin_c=True, fragrance=True
    )
    products.list_product(clinic=clinic, name="Tinted mineral sunscreen", maker="Invented Skincare", by=by, tinted=True)
    products.approve(
        product=gel, reason="Sterile, single use, nothing in it but hyaluronic acid and water", by=prescriber
    )


def _credentials(members: dict[str, Membership], *, today: date, by: User) -> None:
    """Everybody who treats has both; one certificate ends soon."""
    for member in members.values():
        if not member.sees_patients:
            continue
        issuer, _, number = member.licence.partition(" ")
        credentials.add(
            membership=member, by=by, kind="licence", issuer=issuer, number=number, name="",
            valid_from=today - timedelta(days=900), valid_until=today + timedelta(days=400),
        )  # fmt: skip
        ends_in = 41 if member.user.full_name == "Jonas Feld" else 500
        credentials.add(
            membership=member, by=by, kind="training", issuer="Invented Skin Academy", number=f"MN-{member.position:03d}", name="",
            valid_from=today - timedelta(days=700), valid_until=today + timedelta(days=ends_in),
        )  # fmt: skip
