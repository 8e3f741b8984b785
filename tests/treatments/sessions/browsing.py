"""The chairside as a browser without scripts meets it."""

import uuid

from django.urls import reverse

from treatments.sessions.models import TreatmentSession


def url(name: str, *args) -> str:
    return reverse(f"treatments:{name}", args=args)


def page(client, session, step: str = "treat", zone: str = "") -> str:
    answer = client.get(url("session", session.ref), {"step": step, "zone": zone})
    assert answer.status_code == 200
    return answer.content.decode()


def post(client, name: str, *args, **data):
    return client.post(url(name, *args), {"submit_token": str(uuid.uuid4())} | data)


def cartridge(client, session, **data):
    fresh = TreatmentSession.objects.get(pk=session.pk)
    known = {
        "device": session.clinic.devices.first().ref,
        "version": fresh.version,
        "serial": "S9",
        "lot": "",
        "new_lot": "",
        "expires_on": "",
    }
    return post(client, "session_cartridge", session.ref, **(known | data))
