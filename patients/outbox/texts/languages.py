"""A language as its folder says: its name, the subject of a mail, what a visit is called, how it writes a day and a time. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

ENGLISH = "en"


@dataclass(frozen=True)
class Language:
    """One folder of texts, from its `language.toml`."""

    code: str
    name: str
    subject: str
    visit: str
    emergency_number: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    moment: str
    day: str

    @classmethod
    def read(cls, code: str, said: Mapping[str, Any]) -> "Language":
        facts = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
        return cls(code=code, **facts)

    def day_words(self, day: date) -> str:
        return self.day.format(**self._parts(day))

    def moment_words(self, moment: datetime) -> str:
        """In the zone the moment is in."""
        return self.moment.format(**self._parts(moment), clock=f"{moment:%H:%M}")

    def subject_of(self, sender_name: str) -> str:
        return self.subject.format(sender_name=sender_name)

    def visit_at(self, sender_name: str) -> str:
        """What a visit is called in a calendar of the patient's own."""
        return self.visit.format(sender_name=sender_name)

    def _parts(self, day: date) -> dict[str, object]:
        return {
            "weekday": self.weekdays[day.weekday()],
            "day": day.day,
            "month": self.months[day.month - 1],
            "year": day.year,
        }
