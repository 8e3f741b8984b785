"""What the sheet of parts shows: one example of each component, all invented, drawn from plain dictionaries."""

from datetime import UTC, datetime, timedelta

from clinic.templatetags.clinic_ui import RULER_ROW_HEIGHT, RULER_TOP

OUTCOMES = [
    {"state": "clear", "label": "", "says": "Asked in time, nothing raised"},
    {"state": "caution", "label": "", "says": "Go ahead, something changes"},
    {"state": "ask", "label": "", "says": "Unanswered, not sure or expired"},
    {"state": "needs_clinician", "label": "Needs a prescriber", "says": "Waits for a named clinician"},
    {"state": "defer", "label": "Not before 14 Mar", "says": "A date decides"},
    {"state": "block", "label": "", "says": "No date, only a clinician"},
]
DOTS = [
    {"number": 1, "state": "done", "says": "Done"},
    {"number": 2, "state": "now", "says": "In the building now"},
    {"number": 3, "state": "booked", "says": "Booked"},
    {"number": 4, "state": "open", "says": "To book"},
    {"number": 5, "state": "missed", "says": "Missed, stays visible"},
]
MESSAGES = [
    {"state": "due", "label": "Will go", "says": "Checked again as it leaves"},
    {"state": "sent", "label": "Went 09:00", "says": "Server took it, id kept"},
    {"state": "cancelled", "label": "Cancelled", "says": "Reason beside it"},
    {"state": "bounced", "label": "Bounced", "says": "Becomes a call"},
    {"state": "unknown", "label": "Unknown", "says": "Never sent again by itself"},
]
HEADER = {
    "name": "Leila Haddad",
    "url": "/patients/leila/",
    "sub": "34 years, born 9 June 1992 · speaks English, Arabic",
    "chips": [{"state": "clear", "label": "Clear today"}, {"state": "plain", "label": "Skin type III"}],
    "course": "Acne scars, face",
    "session": "Session 2 of 4",
    "dots": [
        {"number": 1, "state": "done"},
        {"number": 2, "state": "now"},
        {"number": 3, "state": "booked"},
        {"number": 4, "state": "booked"},
    ],
    "next_visit": "Tue 20 Apr, 10:30",
}
DESK_HEADER = {
    "name": "Leila Haddad",
    "sub": "34 years, born 9 June 1992 · speaks English",
    "chips": [{"state": "clear"}],
}
WHY = {
    "title": "180 days after isotretinoin",
    "meta": "Clinic rule, version 3, in force since 2 February 2027.",
    "agree": [{"term": "6 months", "text": "Clinic pages P1, P2, P11, P17", "grade": "C"}],
    "disagree": [
        {"term": "3 months", "text": "P10", "grade": "C"},
        {"term": "No delay", "text": "Task force 2017: evidence is insufficient to delay, L20", "grade": "A"},
    ],
    "use": "Fired 31 times in 12 months, shortened by a prescriber 2 times.",
    "history_url": "/rules/",
    "key": [{"grade": "A", "text": "review or trial"}, {"grade": "C", "text": "clinic page"}],
}


def _row(number: int, **facts) -> dict:
    return {"y": RULER_TOP + (number - 1) * RULER_ROW_HEIGHT, "label": f"Session {number}"} | facts


RULER = {
    "id": "course-ruler",
    "title": "Course on a time line, January to June 2027. The list beside it holds the same facts.",
    "width": 792,
    "height": 392,
    "top": RULER_TOP,
    "bottom": RULER_TOP + 4 * RULER_ROW_HEIGHT,
    "interactive": True,
    "preview_url": "/parts/preview/",
    "tray": "#tray",
    "day_px": 3.69,
    "months": [
        {"x": 107, "label": "January"},
        {"x": 215.4, "label": "February", "line": True},
        {"x": 318.8, "label": "March", "line": True},
        {"x": 433.2, "label": "April", "line": True},
        {"x": 544, "label": "May", "line": True},
        {"x": 658.5, "label": "June", "line": True},
        {"x": 769.2, "label": "", "line": True},
    ],
    "rows": [
        _row(
            1,
            note="washout to 16 Jan",
            washes=[{"x": 112, "width": 44.3}],
            target_x=None,
            blocks=[{"x": 193.2, "width": 47, "text": "26 Jan", "state": "done"}],
        ),
        _row(
            2,
            note="numbing now",
            band={"x": 296.6, "width": 206.8},
            target_x=348.3,
            blocks=[{"x": 348.3, "width": 47, "text": "9 Mar", "state": "booked"}],
        ),
        _row(
            3,
            note="moving",
            band={"x": 451.7, "width": 206.8},
            washes=[{"x": 433.2, "width": 103.4}],
            target_x=503.4,
            move={"from_x": 525.4, "to_x": 575.1},
            blocks=[
                {"x": 503.4, "width": 47, "text": "20 Apr", "state": "former"},
                {
                    "x": 555.1,
                    "width": 47,
                    "text": "4 May",
                    "state": "moving",
                    "ref": "three",
                    "on": "2027-05-04",
                    "earliest_on": "2027-04-29",
                    "latest_on": "2027-06-01",
                    "span_days": 33,
                    "day_index": 5,
                    "spoken": "Tuesday 4 May",
                },
            ],
        ),
        _row(
            4,
            note="booked",
            band={"x": 658.5, "width": 40.6},
            old_band={"x": 606.8, "width": 51.7},
            old_band_words=["no longer", "allowed"],
            target_x=None,
            blocks=[
                {
                    "x": 658.5,
                    "width": 47,
                    "text": "1 Jun",
                    "state": "booked",
                    "ref": "four",
                    "on": "2027-06-01",
                    "span_days": 11,
                    "spoken": "Tuesday 1 June",
                }
            ],
        ),
    ],
    "now": {"x": 348.3},
    "event": {"x": 750.8, "label": "wedding 26 Jun", "width": 98, "flag_x": 684.8},
    "marks": [{"x": 418.5, "label": "clocks forward 28 Mar"}],
}
ZONES = [
    {"code": "forehead", "label": "Forehead", "state": "set", "depth_mm": 0.5, "url": "?zone=forehead"},
    {"code": "temple", "label": "Temples", "state": "set", "depth_mm": 0.5, "url": "?zone=temple"},
    {"code": "nose", "label": "Nose", "state": "set", "depth_mm": 0.5, "url": "?zone=nose"},
    {
        "code": "cheek",
        "label": "Cheeks",
        "state": "todo",
        "depth_mm": 1.25,
        "last_mm": 1.0,
        "picked": True,
        "url": "?zone=cheek",
    },
    {"code": "perioral", "label": "Mouth", "state": "todo", "last_mm": 0.5, "url": "?zone=perioral"},
    {"code": "chin", "label": "Chin", "state": "todo", "last_mm": 1.0, "url": "?zone=chin"},
    {"code": "jawline", "label": "Jawline", "state": "todo", "last_mm": 1.0, "url": "?zone=jawline"},
    {"code": "periorbital", "label": "Around the eyes", "state": "left_out"},
]
_ON_AT = datetime(2027, 3, 9, 10, 30, tzinfo=UTC)
NUMBING = {
    "started_at": _ON_AT,
    "now": _ON_AT + timedelta(minutes=26, seconds=14),
    "minutes": 30,
    "off_minutes": 60,
    "on": "10:30",
    "ready": "11:00",
    "off_by": "11:30",
    "agent": "Lidocaine 4 %, 3 g, no wrap",
}
DEPTHS = [
    {"value": "0.75", "label": "0.75"},
    {"value": "1.00", "label": "1.00", "note": "last time", "was": True},
    {"value": "1.25", "label": "1.25", "note": "+0.25"},
    {"value": "1.50", "label": "1.50", "note": "needs a reason", "guard": True, "reveals": "why-deeper"},
]


def context() -> dict:
    return {
        "outcomes": OUTCOMES,
        "dots": DOTS,
        "chips": MESSAGES,
        "patient": HEADER,
        "desk_patient": DESK_HEADER,
        "why": WHY,
        "ruler": RULER,
        "zones": ZONES,
        "numbing": NUMBING,
        "depths": DEPTHS,
        "steps": [
            {"number": 1, "label": "Check", "url": "#1", "state": "past"},
            {"number": 2, "label": "Photos", "url": "#2", "state": "past"},
            {"number": 3, "label": "Treat", "url": "#3", "state": "current"},
            {"number": 4, "label": "Note", "url": "#4", "state": "open"},
            {"number": 5, "label": "Finish", "state": "open"},
        ],
        "ways": [{"label": "Thu 22 Apr, 09:30", "url": "#a"}, {"label": "Tue 27 Apr, 09:00", "url": "#b"}],
    }
