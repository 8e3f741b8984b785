"""Rows of models, read and written by statements that are put together once: Django does it anew whenever it is asked, which
takes longer than the answer where one act asks for much. Only for those few acts, as `prepared` is."""

from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from typing import NamedTuple, TypeVar

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

from clinic.prepared import Prepared

Row = TypeVar("Row", bound=Model)


class Select:
    """A SELECT as `Prepared` takes it, in which `{person}` stands for all columns of the model given as `person`, which is its
    table's alias too. Columns of models come first, in the order given; what else is selected stays as it is."""

    def __init__(self, name: str, statement: str, **models: type[Model]) -> None:
        self._name, self._statement, self._models = name, statement, models

    def fetch(self, **given: object) -> list[tuple]:
        """Each row: an instance of each model (None where a join found nothing), then the other columns."""
        with connection.cursor() as cursor:
            self._prepared.execute(cursor, given)
            return [tuple(self._parts(row)) for row in cursor.fetchall()]

    @cached_property
    def _prepared(self) -> Prepared:
        columns = {alias: _columns(model).of(alias) for alias, model in self._models.items()}
        return Prepared(self._name, self._statement.format(**columns))

    def _parts(self, row: tuple) -> Iterator[object]:
        begin = 0
        for model in self._models.values():
            end = begin + len(_columns(model).fields)
            yield _instance(model, row[begin:end])
            begin = end
        yield from row[begin:]


def insert(rows: Sequence[Row], *, or_nothing: bool = False) -> list[Row]:
    """Writes new rows of one model in one statement, and returns them as the database keeps them. `or_nothing`: without those
    that it has already."""
    model = type(rows[0])
    fields = [
        field
        for field in _columns(model).fields
        if not field.primary_key and not all(isinstance(getattr(row, field.attname), DatabaseDefault) for row in rows)
    ]
    names, one = ", ".join(f'"{field.column}"' for field in fields), ", ".join(["%s"] * len(fields))
    table, otherwise = model._meta.db_table, "ON CONFLICT DO NOTHING" if or_nothing else ""
    statement = f"INSERT INTO {table} ({names}) VALUES {', '.join([f'({one})'] * len(rows))} {otherwise} RETURNING {_columns(model).of(table)}"  # noqa: S608  names of our own columns
    with connection.cursor() as cursor:
        cursor.execute(statement, [_sent(field, getattr(row, field.attname)) for row in rows for field in fields])
        return [_instance(model, kept) for kept in cursor.fetchall()]


class _Columns(NamedTuple):
    fields: list[Field]
    names: list[str]
    key: int
    # Where a value has to be read as Django reads it: JSON.
    to_read: list[int]

    def of(self, alias: str) -> str:
        return ", ".join(f'{alias}."{field.column}"' for field in self.fields)


@cache
def _columns(model: type[Model]) -> _Columns:
    fields = list(model._meta.concrete_fields)
    return _Columns(
        fields,
        [field.attname for field in fields],
        fields.index(model._meta.pk),
        [at for at, field in enumerate(fields) if hasattr(field, "from_db_value")],
    )


def _instance(model: type[Row], row: Sequence[object]) -> Row | None:
    fields, names, key, to_read = _columns(model)
    if row[key] is None:
        return None
    values = list(row)
    for at in to_read:
        values[at] = fields[at].from_db_value(values[at], None, connection)
    return model.from_db(connection.alias, names, values)


def _sent(field: Field, value: object) -> object:
    return field.get_db_prep_save(value, connection) if hasattr(field, "from_db_value") else value
