"""Books visits one after the other in a process of its own, with the broker that its environment names, and says of each how it went.

    python -m treatments.faults.booker '{"first": 0, "bookings": 100, "pause_seconds": 0, "without": null}'

A line of JSON a booking: how long it took and the visit, or what stood in its way. The last line counts the failed rings.
"""

import json
import sys
import time
from datetime import time as wall_time
from datetime import timedelta

HOURS = range(8, 17)


def main(job: dict) -> None:
    import django

    django.setup()
    from django.db import transaction

    from clinic import clock
    from clinic.models import Clinic
    from patients.outbox.bell import bell
    from treatments.appointments import services as diary
    from treatments.appointments.places import LENGTHS, Place

    if job["without"]:
        WITHOUT[job["without"]]()
    clinic = Clinic.objects.get()
    people = list(clinic.memberships.filter(sees_patients=True).select_related("user").order_by("pk"))
    rooms = list(clinic.rooms.order_by("pk"))
    patients = list(clinic.patients.filter(plans=None).select_related("clinic").order_by("pk"))
    first_day = clock.today(clinic) + timedelta(days=8)
    for number in range(job["first"], job["first"] + job["bookings"]):
        hour, at = divmod(number, len(rooms))
        day, hour = divmod(hour, len(HOURS))
        place = Place(
            day=first_day + timedelta(days=day), starts_at=wall_time(HOURS[hour]), clinician=people[at], room=rooms[at],
            length=LENGTHS["review"],
        )  # fmt: skip
        began, said = time.perf_counter(), {}
        try:
            with transaction.atomic():
                visit = diary.book(
                    patient=patients[number % len(patients)], kind="review", place=place, by=people[at].user
                )
                # A confirmation waits a minute for second thoughts and rings nobody. Here each booking also does what one does
                # from which something is due at once.
                bell.on_commit()
            said["visit"] = visit.pk
        except Exception as fault:
            said["fault"] = f"{type(fault).__name__}: {fault}"
        print(json.dumps(said | {"ms": round((time.perf_counter() - began) * 1000, 3)}), flush=True)
        time.sleep(job["pause_seconds"])
    print(json.dumps({"rings_failed": bell.failures}), flush=True)


def tell_the_broker_alone() -> None:
    """What is owed is a task in the broker and no row: a worker would write and send it."""
    from clinic.celery import app
    from treatments.appointments import messages

    messages.owe_for_booking = lambda visit, *, by: app.send_task("owe", args=[visit.pk], ignore_result=True)


def wait_for_the_broker() -> None:
    """Every booking waits for the broker, and longer than ours would."""
    from clinic.celery import app
    from patients.outbox import bell

    bell.SILENT_SECONDS = 0
    app.conf.broker_transport_options = {
        **app.conf.broker_transport_options, "socket_timeout": 2, "socket_connect_timeout": 2,
    }  # fmt: skip


WITHOUT = {"rows": tell_the_broker_alone, "impatience": wait_for_the_broker}

if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
