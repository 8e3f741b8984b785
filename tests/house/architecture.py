"""The plan of the house, read from the source with `ast`: who may import whom, what is pure, what views may do.

Each check is a function from source files to findings, so that the tests can feed it a breach and see it speak.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("clinic", "patients", "treatments")
ROOMS = ("rules", "assessments", "screenings", "plans", "appointments", "sessions", "outcomes", "packages")
PURE = ("treatments.protocol", "treatments.scheduling")
PURE_MAY_IMPORT = {
    "__future__", "abc", "bisect", "collections", "dataclasses", "datetime", "decimal", "enum", "functools", "hashlib", "heapq",
    "itertools", "json", "math", "operator", "pathlib", "re", "string", "tomli", "tomllib", "types", "typing", "zoneinfo",
}  # fmt: skip
# What a module is called says what it is for; what it is for says on which floor it stands.
FLOORS = {
    "models": 1, "gate": 1, "depth_gate": 1, "facts": 2, "services": 3, "policy": 3, "replay": 3, "free_slots": 3, "messages": 3, "visit_mails": 3, "forms": 4, "tasks": 4,
    "registrations": 4, "flows": 5, "views": 6, "pages": 6, "urls": 7,
}  # fmt: skip
GATHERERS = {
    "treatments.models",
    "treatments.urls",
    "treatments.registrations",
    "treatments.apps",
    "patients.models",
    "patients.tasks",
}
WRITING_METHODS = {
    "save",
    "create",
    "bulk_create",
    "bulk_update",
    "update_or_create",
    "get_or_create",
    "delete",
    "select_for_update",
}


@dataclass(frozen=True)
class Source:
    """A module of ours: dotted name and text."""

    name: str
    text: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    def imports(self) -> Iterator[str]:
        """Dotted names this module imports, `from x import y` as both x and x.y."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = self._absolute(node)
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        base = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*base, *([node.module] if node.module else [])])


@cache
def our_sources() -> list[Source]:
    found = []
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            if "migrations" not in parts:
                name = ".".join(parts).removesuffix(".__init__")
                found.append(Source(name, file.read_text(), is_package=file.name == "__init__.py"))
    return found


def imports_point_back(sources: Iterable[Source]) -> list[str]:
    """clinic <- patients <- treatments. The ground floor names apps by string and imports none of them."""
    order = {name: position for position, name in enumerate(PACKAGES)}
    return [
        f"{source.name} imports {imported}: it lies further along the path"
        for source in sources
        for imported in source.imports()
        if imported.split(".")[0] in order and order[imported.split(".")[0]] > order[source.package]
    ]


def room_of(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "treatments" and parts[1] in ROOMS else None


def rooms_point_back(sources: Iterable[Source]) -> list[str]:
    """A room imports from rooms before it on the patient's path, never from one after it."""
    findings = []
    for source in sources:
        here = room_of(source.name)
        for imported in set(source.imports()):
            there = room_of(imported)
            if here and there and ROOMS.index(there) > ROOMS.index(here):
                findings.append(f"{source.name} imports {imported}: that room comes later")
    return findings


def floor_of(name: str) -> int | None:
    """0 for the pure packages; else by the part of the name that says what the module is for."""
    if name.startswith(PURE):
        return 0
    for part in name.split(".")[1:]:
        if part in FLOORS:
            return FLOORS[part]
    return None


def layers_point_down(sources: Iterable[Source]) -> list[str]:
    """A module imports from its own floor or below. Gatherers, which only collect, may look up."""
    modules = {source.name for source in sources}
    findings = []
    for source in sources:
        here = floor_of(source.name)
        if here is None or source.name in GATHERERS:
            continue
        for imported in set(source.imports()) & modules:
            there = floor_of(imported)
            # patients.models is read by every floor; facts may read every room's models.
            if there is not None and there > here:
                findings.append(f"{source.name} (floor {here}) imports {imported} (floor {there})")
    return findings


def pure_packages_are_pure(sources: Iterable[Source]) -> list[str]:
    """No Django, no clock, no environment: the standard library that computes, and each other."""
    findings = []
    for source in sources:
        if not source.name.startswith(PURE):
            continue
        for imported in source.imports():
            top = imported.split(".")[0]
            if top not in PURE_MAY_IMPORT and not imported.startswith(PURE) and imported != "treatments":
                findings.append(f"{source.name} imports {imported}")
        findings += [
            f"{source.name}:{node.lineno} reads a clock"
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"now", "today", "utcnow"}
        ]
    return findings


def _is_view_module(source: Source) -> bool:
    return floor_of(source.name) == FLOORS["views"]


def views_do_not_write(sources: Iterable[Source]) -> list[str]:
    """Views ask services; none calls a method that writes a row."""
    return [
        f"{source.name}:{node.lineno} calls {node.func.attr}()"
        for source in sources
        if _is_view_module(source)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITING_METHODS
    ]


def views_declare_permission(sources: Iterable[Source]) -> list[str]:
    """A function that takes a request and is reached by a URL carries @allow, @member or @public."""
    findings = []
    for source in sources:
        if not source.name.endswith((".views", ".health")) and ".pages." not in source.name:
            continue
        for node in source.tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            if not node.args.args or node.args.args[0].arg != "request":
                continue
            names = {_decorator_name(decorator) for decorator in node.decorator_list}
            if not names & {"allow", "member", "public"}:
                findings.append(f"{source.name}.{node.name} declares no permission")
    return findings


def _decorator_name(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def views_stay_inside_the_clinic(sources: Iterable[Source]) -> list[str]:
    """No `Model.objects` in a view: rows are reached through `request.clinic`."""
    return [
        f"{source.name}:{node.lineno} uses {ast.unparse(node)}"
        for source in sources
        if source.name.endswith(".views")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr == "objects"
    ]


def no_time_for_the_broker(sources: Iterable[Source]) -> list[str]:
    """Times live in PostgreSQL. A task with an eta or a countdown is delivered again and again."""
    return [
        f"{source.name}:{node.lineno} hands {keyword.arg} to the broker"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in {"eta", "countdown"}
    ]


def flows_are_called_from_above(sources: Iterable[Source]) -> list[str]:
    return [
        f"{source.name} imports {imported}"
        for source in sources
        if room_of(source.name) and not source.name.endswith((".views", ".urls"))
        for imported in source.imports()
        if imported.startswith("treatments.flows")
    ]


CHECKS = (
    imports_point_back,
    rooms_point_back,
    layers_point_down,
    pure_packages_are_pure,
    views_do_not_write,
    views_declare_permission,
    views_stay_inside_the_clinic,
    no_time_for_the_broker,
    flows_are_called_from_above,
)
