"""Which lists of calls there are, and what a call from each is about."""

# A session changes from one of these to the next as its window passes, and "gap" offers it a free time: a call from any
# of them is about the same thing.
OF_A_SESSION = ("to-book", "window-closing", "overdue", "gap")
OF_A_VISIT = ("before-they-travel", "rules-changed", "not-possible", "to-ask", "unconfirmed", "no-e-mail")
# What patients told us from a mail. It is settled on a page of its own: a clinician looks, or the visit moves or stays. A call
# alone settles nothing, so a line leaves only for a call back on a named day, and never past the visit.
TOLD_BY_PATIENTS = ("answers-changed", "asked-to-move")
TITLES = {
    "to-book": "To book",
    "window-closing": "Window closing",
    "overdue": "Overdue",
    "gap": "Free time",
    "before-they-travel": "Before they travel",
    "rules-changed": "Rules changed",
    "not-possible": "Not possible any more",
    "to-ask": "To ask",
    "unconfirmed": "Not confirmed",
    "no-e-mail": "No e-mail",
    "stalled": "Standing still",
    "paused": "Pauses that end",
    "waiting": "Waiting list",
    "answers-changed": "Answers changed",
    "asked-to-move": "Asked for another time",
}
# Where telling the patient is all there is to do; elsewhere something has to change as well.
TOLD_SETTLES = ("no-e-mail", "rules-changed")


def subject_of(list_code: str) -> str:
    """The field of a CallOutcome that a call from this list fills. KeyError for what is no list."""
    if list_code in OF_A_SESSION:
        return "planned_session"
    if list_code in OF_A_VISIT or list_code in TOLD_BY_PATIENTS:
        return "visit"
    return {"stalled": "plan", "paused": "plan", "waiting": "waiting"}[list_code]


def same_matter(list_code: str) -> tuple[str, ...]:
    """Lists whose calls are about the same question: who was reached from one is not called from another."""
    return OF_A_SESSION if list_code in OF_A_SESSION else (list_code,)


def settled_as(list_code: str) -> str:
    """What is said when the call has done its work: a place is booked, or a visit's patient is told. Empty where a call alone
    settles nothing."""
    if list_code in TOLD_BY_PATIENTS:
        return ""
    return "told" if list_code in OF_A_VISIT else "booked"


def outcomes_of(list_code: str) -> tuple[str, ...]:
    """What can be said of a call from a list, by the codes of CallOutcome."""
    reached = ("message", "no_answer", "call_back")
    return reached if list_code in TOLD_BY_PATIENTS else (settled_as(list_code), *reached, "stop")
