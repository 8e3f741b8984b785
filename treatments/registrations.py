"""What the rooms hand to the ground below them when the app is ready."""

from clinic.resources import leaving, touched
from patients import errands
from patients.importing import kinds as import_kinds
from patients.links import purposes
from patients.outbox import kinds
from treatments import sentences
from treatments.appointments import displaced, missed, visit_mails
from treatments.appointments.feeds import services as feeds
from treatments.assessments.past.importing import PAST_SESSIONS
from treatments.packages import services as packages
from treatments.pages.patient.purposes import AFTERCARE, CHANGES, VISIT
from treatments.sessions import messages as session_messages
from treatments.sessions import signed


def register_all() -> None:
    sentences.register()
    touched.register(displaced.touched_visits)
    leaving.register(feeds.end_with_her_work)
    missed.register(missed=packages.burn_missed, stands=packages.give_back_missed)
    signed.register(signed=packages.use_for, struck=packages.give_back_struck)
    purposes.register(VISIT, AFTERCARE, CHANGES)
    errands.register(errands.Errand("walk-in", "Who is here?", "treatments:walk_in"))
    import_kinds.register(PAST_SESSIONS)
    kinds.register(*visit_mails.KINDS, *session_messages.KINDS)
