"""Who may do what, written down. The product is compared with this, not this with the product."""

from dataclasses import dataclass, field

PERSONAS = ("desk", "clinician", "prescriber", "manager")
ALL = PERSONAS
CLINICAL = ("clinician", "prescriber")
OFFICE = ("desk", "clinician", "prescriber", "manager")
READ = ("GET",)
PRESS = ("POST",)
FORM = ("GET", "POST")


@dataclass(frozen=True)
class Row:
    """`parameters`: URL parameter to the kind of ref it takes. `may_be_absent`: 404 is a right answer for insiders too."""

    methods: tuple[str, ...]
    people: tuple[str, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    public: bool = False
    may_be_absent: bool = False

    @property
    def about_a_patient(self) -> bool:
        return bool(self.parameters)


def of(kind: str, **more: str) -> dict[str, str]:
    return {"ref": kind, **more}


TABLE: dict[str, Row] = {
    "healthz": Row(READ, public=True),
}
