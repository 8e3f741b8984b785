"""Rows of models, written by a statement of our own: Django's takes several times as long to put together as to carry out, and of
new rows does not bring back what a conflict left out. Only for the few acts that somebody waits for."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple, TypeVar

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

Row = TypeVar("Row", bound=Model)


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


def update(rows: Sequence[Model], names: Sequence[str]) -> None:
    """Writes these fields of rows of one model in one statement. Not for fields that hold lists."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [meta.pk, *(meta.get_field(name) for name in names)]
    given = ", ".join(f"%s::{field.rel_db_type(connection)}[]" for field in fields)
    columns = [f'"{field.column}"' for field in fields]
    written = ", ".join(f"{column} = given.{column}" for column in columns[1:])
    statement = f"UPDATE {meta.db_table} kept SET {written} FROM unnest({given}) AS given ({', '.join(columns)}) WHERE kept.{columns[0]} = given.{columns[0]}"  # noqa: S608  names of our own columns
    with connection.cursor() as cursor:
        cursor.execute(statement, [[_sent(field, getattr(row, field.attname)) for row in rows] for field in fields])


class _Columns(NamedTuple):
    fields: list[Field]
    names: list[str]
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
        [at for at, field in enumerate(fields) if hasattr(field, "from_db_value")],
    )


def _instance(model: type[Row], row: Sequence[object]) -> Row:
    fields, names, to_read = _columns(model)
    values = list(row)
    for at in to_read:
        values[at] = fields[at].from_db_value(values[at], None, connection)
    return model.from_db(connection.alias, names, values)


def _sent(field: Field, value: object) -> object:
    return field.get_db_prep_save(value, connection) if hasattr(field, "from_db_value") else value
