"""What stands about a patient, as one hash: by it an import knows whether anybody has written since."""

from collections.abc import Collection
from functools import cache

from django.db import connection
from pghistory.models import Event

from patients.importing.models import ImportedPatient
from patients.models import Patient


def written_about(patients: Collection[int]) -> dict[int, str]:
    """Patient's key to a hash of her own row and of every row of every table that names her. Two queries a table."""
    parts: dict[int, list[str]] = {patient: [] for patient in patients}
    with connection.cursor() as cursor:
        for table, column, key in _tables():
            cursor.execute(
                f'SELECT "{column}", md5(string_agg(md5(t::text), \'\' ORDER BY t."{key}")) FROM "{table}" t'  # noqa: S608  names of our own tables
                f' WHERE "{column}" = ANY(%s) GROUP BY "{column}"',
                [list(parts)],
            )
            for patient, found in cursor.fetchall():
                parts[patient].append(f"{table}.{column}:{found}")
        cursor.execute("SELECT p, md5(told) FROM unnest(%s::bigint[], %s::text[]) AS one(p, told)", _columns(parts))
        return dict(cursor.fetchall())


def _columns(parts: dict[int, list[str]]) -> list[list]:
    return [list(parts), ["\n".join(told) for told in parts.values()]]


@cache
def _tables() -> tuple[tuple[str, str, str], ...]:
    """Table, the column that names a patient, and its key. Histories say again what their tables say."""
    own = Patient._meta
    found = [(own.db_table, own.pk.column, own.pk.column)]
    for relation in own.get_fields(include_hidden=True):
        if not (relation.auto_created and not relation.concrete and relation.is_relation):
            continue
        model = relation.related_model
        if model is ImportedPatient or issubclass(model, Event) or model._meta.proxy:
            continue
        found.append((model._meta.db_table, relation.field.column, model._meta.pk.column))
    return tuple(sorted(set(found)))
