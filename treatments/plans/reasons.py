"""Why a course changes: a short list for each kind of change, and words beside it where the list says other.

What only a decision of medicine can say is for clinicians, to choose and to read. Sources: the clinical sheet's section 3
(what postpones), 2.2 and 8 (how many sessions, and how far apart).
"""

from dataclasses import dataclass

OTHER = "other"
LABEL_LENGTH = 60
NOTE_LENGTH = 130


@dataclass(frozen=True)
class Reason:
    """`by_desk`: nobody decides about medicine who gives it. `asks`: codes of questions about what it names; before a course that
    was paused for it goes on, one of them is answered again, for what was said before knew nothing of it."""

    code: str
    label: str
    by_desk: bool = False
    asks: tuple[str, ...] = ()


_SAY_WHICH = Reason(OTHER, "Other: say which")
_ASKED = Reason("asked", "The patient asked for it", by_desk=True)

PAUSE = (
    Reason("isotretinoin", "Isotretinoin has begun", asks=("isotretinoin_past", "isotretinoin_now")),
    Reason("pregnancy", "Pregnant or breastfeeding", asks=("breastfeeding", "pregnant")),
    Reason("active_acne", "Active acne or an infection in the area", asks=("acne_inflamed", "skin_infection_area")),
    Reason("keloid", "A scar grows thick or raised", asks=("keloid_personal",)),
    Reason("reaction", "A reaction has to settle first"),
    Reason("sun", "Sunburn or a fresh tan", asks=("sunburn_now", "sun_tan_exposure")),
    Reason("illness", "Illness, an operation or a new medicine", asks=("fever_unwell_antibiotic", "new_medicine")),
    Reason("away", "Away, or no time", by_desk=True),
    _ASKED,
    _SAY_WHICH,
)
SHORTEN = (
    Reason("good_result", "The result is good enough"),
    Reason("no_response", "Too little changes"),
    Reason("reactions", "The skin reacts too much"),
    _ASKED,
    _SAY_WHICH,
)
EXTEND = (
    Reason("more_to_gain", "It works, and there is more to gain"),
    Reason("slow_response", "It works slowly"),
    Reason("lost_session", "A session ended early"),
    _ASKED,
    _SAY_WHICH,
)
REPLACE = (
    Reason("other_concern", "Something else is treated now"),
    Reason("other_depth", "Another depth or another zone"),
    Reason("long_gap", "So long ago that it begins anew"),
    Reason("new_rules", "The rules or the answers have changed"),
    _SAY_WHICH,
)
STOP = (
    Reason("good_result", "The result is good enough"),
    Reason("no_response", "Too little changes"),
    Reason("not_possible", "Not possible any more for a medical reason"),
    Reason("moved", "Moved away, or does not come any more"),
    _ASKED,
    _SAY_WHICH,
)
RESUME: tuple[Reason, ...] = ()

OF = {
    "paused": PAUSE, "shortened": SHORTEN, "extended": EXTEND, "replaced": REPLACE, "stopped": STOP, "resumed": RESUME,
}  # fmt: skip


def offered(what: str, *, clinical: bool) -> list[tuple[str, str]]:
    """Code and label of the reasons that somebody may give; the desk those without a decision of medicine."""
    return [(reason.code, reason.label) for reason in OF[what] if clinical or reason.by_desk]


def label(what: str, code: str) -> str:
    """In words; the code itself where a list does not hold it any more."""
    return next((reason.label for reason in OF[what] if reason.code == code), code)


def words(what: str, code: str, note: str) -> str:
    """ "Isotretinoin has begun: since 1 March"; of "other" the words alone."""
    if code == OTHER and note:
        return note
    return ": ".join(filter(None, [label(what, code) if code else "", note]))


def find(what: str, code: str) -> Reason | None:
    return next((reason for reason in OF[what] if reason.code == code), None)


# Codes that say nothing of medicine, whatever list they are on.
BY_DESK = sorted({reason.code for each in OF.values() for reason in each if reason.by_desk})


def may_be_read_by_desk(what: str, code: str) -> bool:
    return any(reason.code == code and reason.by_desk for reason in OF[what])
