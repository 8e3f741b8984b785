"""Rows of models, written by a statement of our own: Django's takes several times as long to put together as to carry out, and of
new rows does not bring back what a conflict left out. Only for the few acts that somebody waits for."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault
from django.db.models.fields import NOT_PROVIDED

Row = TypeVar("Row", bound=Model)


def insert(rows: Sequence[Row], *, or_nothing: bool = False) -> list[Row]:
    """Writes new rows of one model in one statement, and fills in what the database gave them: key and defaults. Returns them;
    `or_nothing`: without those that it has already, for a model with a `ref`."""
    model = type(rows[0])
    written, filled_in = _columns(model, rows)
    back = [*filled_in, model._meta.get_field("ref")] if or_nothing else filled_in
    one_row = f"({', '.join(['%s'] * len(written))})"
    statement = f"""
        INSERT INTO {model._meta.db_table} ({_names(written)}) VALUES {", ".join([one_row] * len(rows))}
        {"ON CONFLICT DO NOTHING" if or_nothing else ""} RETURNING {_names(back)}
    """  # noqa: S608  names of our own columns
    with connection.cursor() as cursor:
        cursor.execute(statement, _values(written, rows))
        kept = cursor.fetchall()
    if or_nothing:
        by_ref = {row.ref: row for row in rows}
        rows = [by_ref[values[-1]] for values in kept]
    for row, values in zip(rows, kept, strict=True):
        for field, value in zip(filled_in, values, strict=False):
            setattr(row, field.attname, value)
        row._state.adding, row._state.db = False, connection.alias
    return list(rows)


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
        cursor.execute(statement, [_values([field], rows) for field in fields])


def _columns(model: type[Model], rows: Sequence[Model]) -> tuple[list[Field], list[Field]]:
    """Fields that are written, and those that the database fills in: the key, and what no row says."""
    written, filled_in = [], []
    for field in model._meta.concrete_fields:
        unsaid = field.primary_key or (
            field.db_default is not NOT_PROVIDED
            and all(isinstance(getattr(row, field.attname), DatabaseDefault) for row in rows)
        )
        (filled_in if unsaid else written).append(field)
    return written, filled_in


def _names(fields: Iterable[Field]) -> str:
    return ", ".join(f'"{field.column}"' for field in fields)


def _values(fields: Sequence[Field], rows: Sequence[Model]) -> list:
    """Row by row. Most fields' values go as they are."""
    sent = [(field, field.attname, hasattr(field, "from_db_value")) for field in fields]
    return [
        field.get_db_prep_save(getattr(row, name), connection) if is_written_otherwise else getattr(row, name)
        for row in rows
        for field, name, is_written_otherwise in sent
    ]
