"""Check-ins as patients send them."""

from io import BytesIO
from uuid import uuid4

from PIL import Image

from patients.models import PatientLink
from tests.patients.links.made import a_token, row_of
from treatments.flows import check_in as flow
from treatments.protocol.triage import Answers
from treatments.sessions.healing.models import CheckIn
from treatments.sessions.models import TreatmentSession

CALM = {"redness": 1, "swelling": 1, "pain": 2}
PAGE = "/my/check-in/"


def her_link(session: TreatmentSession) -> PatientLink:
    return row_of(a_token(session.patient, "aftercare", about=session.ref))


def tell(session: TreatmentSession, *signs: str, once=None, link=None, note: str = "", photo=None, **said) -> CheckIn:
    """What she said, through the flow: `CALM` but for what is named."""
    told = flow.tell(
        session=session,
        once=once or uuid4(),
        said=Answers(**(CALM | said), signs=frozenset(signs)),
        note=note,
        photo=photo,
        link=link or her_link(session),
    )
    return told.check_in


def tapped(*signs: str, **differing) -> dict:
    """The form as a browser sends it."""
    return {"once": str(uuid4()), "signs": list(signs)} | CALM | differing


def a_picture(
    kind: str = "JPEG", *, size: tuple[int, int] = (80, 60), colour="tomato", name: str = "skin.jpg", **saved
):
    """A file as a browser's field sends it."""
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **saved)
    out.seek(0)
    out.name = name
    return out
