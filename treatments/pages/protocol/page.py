"""The clinic's rules as a person reads them: every rule and number with the default, the clinic's own value, the sources,
who disagrees, and how it works out in practice."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from django.urls import reverse

from clinic import clock
from clinic.models import Clinic
from treatments.pages.protocol import why
from treatments.pages.protocol.rule_use import Use, use_of_rules
from treatments.protocol.annexes import Modality
from treatments.protocol.catalogue import Catalogue
from treatments.protocol.entries import ConcernPolicy, Evidence, Rule, Zone
from treatments.protocol.policy import Parameter, direction, parameters
from treatments.rules import policy
from treatments.rules.models import ProtocolVersion
from treatments.rules.services import catalogue_of, shipped
from treatments.rules.words import CATEGORIES, short_label, standing_words, value_words

FORMS = {
    "day": "Asked on the day",
    "full": "Asked once a year",
    "clinician": "Asked of the clinician",
    "computed": "Worked out, not asked",
}
LIFTED = {
    "clinician": "a clinician’s clearance",
    "prescriber": "a prescriber’s clearance",
    "nobody": "nobody",
    "new_answer": "a new answer",
    "end_date": "an end date",
    "time": "time",
    "closing": "a clinician closing the reaction",
    "not_needed": "nothing to lift",
}
# What is not about one rule, concern or zone: the first word of the path, the heading of the group.
GENERAL = {"interval": "Between sessions", "depth": "Depth", "age": "Age", "numbing": "Numbing"}
DIFFERENT = "different"


@dataclass(frozen=True)
class Tunable:
    """One value that the clinic may set, beside its default."""

    label: str
    value: str
    default: str
    url: str
    # How it differs from the default: a chip's state and words, empty where it does not.
    state: str = ""
    standing: str = ""


@dataclass
class Entry:
    """One line of the page."""

    id: str
    label: str
    note: str = ""
    value: str = ""
    asked: str = ""
    sources: str = ""
    grade: str = ""
    says: list[dict] = field(default_factory=list)
    disagree: list[dict] = field(default_factory=list)
    parameters: list[Tunable] = field(default_factory=list)
    use: str = ""
    was_used: bool = False

    @property
    def differs(self) -> bool:
        return any(one.standing for one in self.parameters)

    def speaks_of(self, words: str) -> bool:
        """Whether every word of a search stands somewhere in this line."""
        said = " ".join(
            [self.id, self.label, self.note, self.value, self.asked, self.sources, *_spoken(self.says, self.disagree)]
        ).casefold()
        return all(word in said for word in words.casefold().split())


@dataclass
class Group:
    code: str
    label: str
    title: str
    entries: list[Entry]
    # Of a category of rules: the chip's state.
    state: str = ""
    # Heading of the first column.
    column: str = "Rule"


def readable(clinic: Clinic, *, find: str = "", show: str = "") -> dict:
    """Context of the page. `find` and `show` (a group's code, or "different") narrow it. Five queries at most."""
    page = _Page(clinic)
    groups = list(page.groups())
    tabs = [{"show": "", "label": "All", "count": sum(len(group.entries) for group in groups)}]
    tabs += [{"show": group.code, "label": group.label, "count": len(group.entries)} for group in groups]
    different = sum(entry.differs for group in groups for entry in group.entries)
    tabs.append({"show": DIFFERENT, "label": "Different here", "count": different})
    show = show if show in {tab["show"] for tab in tabs} else ""
    signatures = clinic.protocol_sign_offs.select_related("protocol", "signed_by").order_by("-id")
    return {
        "catalogue": page.catalogue,
        "protocol": page.protocol,
        "adopted": page.adopted,
        "newer": newer_than(page.protocol),
        "signed": next((one for one in signatures if one.protocol_id == page.protocol.pk), None),
        "earlier": [one for one in signatures if one.protocol_id != page.protocol.pk],
        "groups": list(_narrowed(groups, find, show)),
        "tabs": tabs,
        "find": find,
        "show": show,
        "different": different,
        "grades": why.GRADES.items(),
        "sources": page.catalogue.sources.values(),
    }


def newer_than(protocol: ProtocolVersion) -> ProtocolVersion | None:
    """The version this software brings, where the clinic works by another one."""
    brought = shipped()
    return None if brought == protocol else brought


def entry_url(path: str) -> str:
    """Where the page shows what a value belongs to."""
    kind, _, rest = path.partition(".")
    anchor = f"{kind}-{rest.partition('.')[0]}" if kind in ("rule", "concern", "zone") else path.replace(".", "-")
    return f"{reverse('treatments:protocol')}#{anchor}"


def said_by(evidence: Iterable[Evidence], catalogue: Catalogue) -> list[dict]:
    return [
        {
            "value": said.value,
            "sources": ", ".join(said.sources),
            "grade": why.grades_of(said.sources, catalogue),
        }
        for said in evidence
    ]


class _Page:
    """Everything the lines are drawn from, read once."""

    def __init__(self, clinic: Clinic) -> None:
        self.catalogue = policy.catalogue_for(clinic)
        self.adopted = clinic.protocol_adoptions.select_related("protocol", "adopted_by").first()
        self.protocol = self.adopted.protocol if self.adopted else shipped()
        self.default = parameters(catalogue_of(self.protocol))
        self.ours = parameters(self.catalogue)
        self.use = use_of_rules(clinic, today=clock.today(clinic))
        self.loosened = {
            setting.path: setting.expires_on for setting in policy.in_force_settings(clinic) if setting.expires_on
        }
        self.paths: dict[str, list[str]] = defaultdict(list)
        for path in self.default:
            kind, _, rest = path.partition(".")
            of = f"{kind}.{rest.partition('.')[0]}" if kind in ("rule", "concern", "zone") else kind
            self.paths[of].append(path)

    def groups(self) -> Iterator[Group]:
        for category, (state, label) in CATEGORIES.items():
            rules = [rule for rule in self.catalogue.rules if rule.category == category]
            yield Group(state, label, label, [self.of_rule(rule) for rule in rules], state)
        general = [self.of_general(path) for kind in GENERAL for path in self.paths[kind]]
        yield Group("general", "Intervals", "Intervals, depth, numbing", general, column="Value")
        concerns = [self.of_concern(concern) for concern in self.catalogue.concerns.values()]
        yield Group("concerns", "Concerns", "Concerns", concerns, column="Concern")
        zones = [self.of_zone(zone) for zone in self.catalogue.zones.values()]
        yield Group("zones", "Zones", "Zones", zones, column="Zone")
        techniques = [self.of_modality(modality) for modality in self.catalogue.modalities.values()]
        yield Group("techniques", "Techniques", "Techniques", techniques, column="Technique")

    def of_rule(self, rule: Rule) -> Entry:
        return Entry(
            id=f"rule-{rule.code}",
            label=rule.label,
            note=rule.question,
            value=why.washout_words(rule) or CATEGORIES[rule.category][1],
            asked=f"{FORMS[rule.form]}. Lifted by {LIFTED[rule.lifted_by]}.",
            parameters=self.tunables(f"rule.{rule.code}"),
            **self.used(rule),
            **self.argued(rule),
        )

    def of_concern(self, concern: ConcernPolicy) -> Entry:
        wait, count = concern.interval, concern.sessions
        return Entry(
            id=f"concern-{concern.code}",
            label=concern.label,
            note=concern.note,
            value=f"{count.plan} sessions" if concern.offered else "Not offered",
            asked=f"{count.minimum} to {count.maximum} sessions, {wait.floor_days} to {wait.latest_days} days apart",
            parameters=self.tunables(f"concern.{concern.code}"),
            **self.argued(concern),
        )

    def of_zone(self, zone: Zone) -> Entry:
        return Entry(
            id=f"zone-{zone.code}",
            label=zone.label,
            note=zone.note,
            value="Never needled" if zone.prohibited else "",
            parameters=self.tunables(f"zone.{zone.code}"),
            sources=why.source_words(zone.sources, self.catalogue),
            grade=why.grades_of(zone.sources, self.catalogue),
        )

    def of_modality(self, modality: Modality) -> Entry:
        """Every technique has rules of its own or is off: nothing here is carried over from needling."""
        return Entry(
            id=f"modality-{modality.code}",
            label=modality.label,
            note=modality.note,
            value="In use" if modality.offered else "Off",
            **self.argued(modality),
        )

    def of_general(self, path: str) -> Entry:
        parameter = self.ours[path]
        return Entry(
            id=path.replace(".", "-"),
            label=parameter.label,
            note=GENERAL[path.partition(".")[0]],
            parameters=[self.tunable(path)],
            **self.argued(parameter),
        )

    def argued(self, of: Rule | ConcernPolicy | Modality | Parameter) -> dict:
        return {
            "sources": why.source_words(of.sources, self.catalogue),
            "grade": why.grades_of(of.sources, self.catalogue),
            "says": said_by(of.evidence, self.catalogue),
            "disagree": said_by(of.dissent, self.catalogue),
        }

    def used(self, rule: Rule) -> dict:
        use = self.use.get(rule.code, Use())
        return {"use": use.words, "was_used": use != Use()}

    def tunables(self, of: str) -> list[Tunable]:
        return [self.tunable(path) for path in self.paths[of]]

    def tunable(self, path: str) -> Tunable:
        default, ours = self.default[path], self.ours[path]
        way = direction(default, ours.default)
        differs = (
            {}
            if way == "same"
            else {
                "state": "clear" if way == "stricter" else "ask",
                "standing": standing_words(way, self.loosened.get(path)),
            }
        )
        return Tunable(
            label=short_label(default),
            value=value_words(ours, ours.default),
            default=value_words(default, default.default),
            url=reverse("treatments:policy_value", args=[path]),
            **differs,
        )


def _narrowed(groups: list[Group], find: str, show: str) -> Iterator[Group]:
    for group in groups:
        if show not in ("", DIFFERENT, group.code):
            continue
        entries = [
            entry
            for entry in group.entries
            if (show != DIFFERENT or entry.differs) and (not find or entry.speaks_of(find))
        ]
        if entries:
            yield replace(group, entries=entries)


def _spoken(*lines: list[dict]) -> list[str]:
    return [f"{said['value']} {said['sources']}" for line in lines for said in line]
