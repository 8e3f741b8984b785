"""The people of the demo. All invented; e-mail addresses end in .example, which no mail server serves."""

from dataclasses import dataclass
from datetime import date, time

from clinic.roles import Role

CLINIC = {
    "name": "Alder Lane Skin Clinic",
    "sender_name": "Alder Lane",
    "zone": "Europe/London",
    "address": "14 Alder Lane, London",
    "phone": "020 7946 0100",
    "urgent_phone": "020 7946 0142",
    "emergency_number": "999",
    "reply_to": "desk@alderlane.example",
    "opening_hours": {str(weekday): "09:00 to 17:30" for weekday in range(1, 7)},
    "currency": "GBP",
    "is_demo": True,
}
DEMO_PASSWORD = "quiet-bone-and-fig"  # noqa: S105  (fictional people on this machine only)

_MORNING_AND_AFTERNOON = [(time(9), time(12, 30)), (time(13, 15), time(17, 30))]
_LATE = [(time(10, 30), time(12, 30)), (time(13), time(17, 30))]


@dataclass(frozen=True)
class Staff:
    email: str
    name: str
    roles: tuple[Role, ...]
    title: str
    licence: str = ""
    hours: tuple = ()

    @property
    def sees_patients(self) -> bool:
        return bool(self.hours)


# Asked to join and still to answer: her mail is in the demo's mailbox, and its link works.
INVITED = {"full_name": "Ada Bell", "email": "ada@alderlane.example", "roles": [Role.FRONT_DESK], "title": "Front desk"}
MANAGER = Staff("mara@alderlane.example", "Mara Quist", (Role.MANAGER,), "Practice manager")
STAFF = (
    Staff("tess@alderlane.example", "Tess Moran", (Role.FRONT_DESK,), "Front desk"),
    Staff(
        "ines@alderlane.example", "Dr Ines Halloran", (Role.CLINICIAN, Role.PRESCRIBER), "Prescriber", "GMC 7654321",
        tuple(_MORNING_AND_AFTERNOON),
    ),
    Staff("noor@alderlane.example", "Noor Adeyemi", (Role.CLINICIAN,), "Nurse", "NMC 12A3456E", tuple(_MORNING_AND_AFTERNOON)),
    Staff("jonas@alderlane.example", "Jonas Feld", (Role.CLINICIAN,), "Nurse", "NMC 98B7654E", tuple(_LATE)),
)  # fmt: skip

GIVEN = (
    "Leila", "Ben", "Karen", "Tomas", "Daniel", "Owen", "Marta", "Paul", "Hana", "Gareth", "Yasmin", "Peter", "Maeve", "Olu",
    "Priya", "Grace", "Lucia", "Sam", "Aisha", "Mei", "Ewa", "Freya", "Marek", "Ruth", "Callum", "Zoë", "Łukasz", "Ingrid",
    "Chidi", "Noémie", "Rafael", "Siobhán", "Anders", "Fatima", "Jürgen", "Ayşe", "Dina", "Imani", "Beatriz", "Kofi",
)  # fmt: skip
FAMILY = (
    "Haddad", "Carver", "Wu", "Novak", "Brandt", "Pryce", "Diaz", "Iwu", "Sato", "Lowe", "Aziz", "Shah", "Tully", "Bankole",
    "Raman", "Finch", "Ortiz", "Whitlock", "Rahman", "Tanaka", "Nowak", "Holm", "Zielinski", "Adler", "Reid", "Müller",
    "O'Dowd", "Lindqvist", "Eze", "Lefèvre", "Silva", "Kelly", "Sørensen", "Khan", "Weiß", "Yılmaz", "Abadi", "Cole", "Mota",
    "Mensah",
)  # fmt: skip
SPEAKS = (
    "English",
    "English, Arabic",
    "English, Polish",
    "English",
    "German, English",
    "English, Yoruba",
    "English, French",
)


@dataclass(frozen=True)
class Person:
    number: int
    given_name: str
    family_name: str
    born_on: date
    email: str
    phone: str
    speaks: str
    skin_type: int


# A mother and her daughter who read one mailbox: each hears what is hers, and neither what the other is treated for.
MOTHER, DAUGHTER = 2000, 2001
_ONE_MAILBOX = {
    MOTHER: Person(MOTHER, "Nora", "Vale", date(1968, 5, 17), "vale@post.example", "07700 902000", "English", 2),
    DAUGHTER: Person(DAUGHTER, "Edie", "Vale", date(1998, 11, 3), "vale@post.example", "07700 902001", "English", 2),
}


def person(number: int) -> Person:
    """The n-th invented patient; always the same one."""
    if number in _ONE_MAILBOX:
        return _ONE_MAILBOX[number]
    given = GIVEN[number % len(GIVEN)]
    family = FAMILY[(number * 7 + number // len(GIVEN) * 3) % len(FAMILY)]
    plain = "".join(
        char for char in f"{given}.{family}".casefold() if char.isascii() and (char.isalnum() or char == ".")
    )
    return Person(
        number=number,
        given_name=given,
        family_name=family,
        born_on=date(1962 + (number * 13) % 42, 1 + (number * 5) % 12, 1 + (number * 11) % 28),
        # Every fortieth has no address: the worklist "no e-mail" needs somebody.
        email="" if number % 40 == 39 else f"{plain}{number}@post.example",
        phone=f"07700 9{number:05d}",
        speaks=SPEAKS[number % len(SPEAKS)],
        skin_type=1 + (number * 5 + number // 6) % 6,
    )
