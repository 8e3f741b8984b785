"""What a consent text must say: its fields, a heading over every part, the risks of each technique, and no word that sells.

Languages come by file, as those of the mails do: `consent_texts/<language>.txt` with the shipped words and `<language>.toml`
with what a text in that language must name.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from patients.outbox.texts.promotion import selling_words

FOLDER = Path(__file__).resolve().parent.parent / "consent_texts"
ENGLISH = "en"
LONGEST = 40_000

# What each field stands for. All of them are about this patient, this course or whom she calls: a text without one of them
# is no consent to her treatment.
FIELDS = {
    "patient_name": "Her name",
    "born_on": "Her date of birth",
    "clinic_name": "The clinic",
    "clinic_phone": "The number she calls the same day",
    "emergency_number": "The emergency number",
    "concerns": "What is treated",
    "zones": "Where",
    "depth": "How deep",
    "sessions": "How many sessions, and how far apart",
    "anaesthetic": "Numbing",
    "notes": "What is true of her in particular",
}


@dataclass(frozen=True)
class Language:
    """A language that consent can be asked in. `risks`: technique to risk to words of which one has to stand in the text."""

    code: str
    name: str
    title: str
    shipped: str
    risks: dict[str, dict[str, list[str]]]


@cache
def languages() -> dict[str, Language]:
    """By code, English first."""
    found = {}
    for file in sorted(FOLDER.glob("*.toml"), key=lambda file: (file.stem != ENGLISH, file.stem)):
        said = tomllib.loads(file.read_text(encoding="utf-8"))
        words = file.with_suffix(".txt").read_text(encoding="utf-8")
        found[file.stem] = Language(file.stem, said.pop("name"), said.pop("title"), words, said)
    return found


def tidy(body: str) -> str:
    """As it is kept: line ends of one kind, none at the beginning, one at the end."""
    lines = [line.rstrip() for line in body.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")]
    return "\n".join(lines) + "\n" if any(lines) else ""


def problems(body: str, language: str) -> list[str]:
    """Everything that stands against a text, in sentences; empty where nothing does."""
    if not body.strip():
        return ["Write the text."]
    if len(body) > LONGEST:
        return [f"The text has {len(body):,} characters, and there is room for {LONGEST:,}."]
    return [*_of_fields(body), *_of_parts(body), *_of_risks(body, language), *_of_selling(body, language)]


def _of_fields(body: str) -> list[str]:
    found, said = set(), []
    for match in Template.pattern.finditer(body):
        if match["invalid"] is not None:
            said.append(
                f"“{body[match.start() : match.start() + 20].strip()}”: a $ begins a field. Write $$ for the sign itself."
            )
        elif name := match["named"] or match["braced"]:
            found.add(name)
    said += [
        f"There is no field ${name}. The list beside the text has them all." for name in sorted(found - set(FIELDS))
    ]
    return said + [f"${name} is missing: {words.lower()}." for name, words in FIELDS.items() if name not in found]


def _of_parts(body: str) -> list[str]:
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    if not lines[0].startswith("# "):
        return ["Begin with a heading: a line that starts with “# ”."]
    pairs = zip(lines, [*lines[1:], "# "], strict=True)
    return [
        f"Nothing stands under “{line.removeprefix('# ')}”."
        for line, after in pairs
        if line.startswith("# ") and after.startswith("#")
    ]


def _of_risks(body: str, language: str) -> list[str]:
    said, low = [], body.lower()
    for technique, risks in languages()[language].risks.items():
        missing = [risk for risk, words in risks.items() if not any(word in low for word in words)]
        if missing:
            said.append(f"Not said about {technique}: {', '.join(missing)}.")
    return said


def _of_selling(body: str, language: str) -> list[str]:
    return [f"“{words}” sells. A consent informs." for words in selling_words(body, language)]
