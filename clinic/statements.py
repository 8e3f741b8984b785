"""Querysets whose SQL is written once for a process.

Django works a query of many subqueries out anew each time, and that took longer than PostgreSQL took to answer. What differs from
one time to the next stands in it as `Given`.
"""

from copy import copy
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import BooleanField, Expression, F, Field, Func, QuerySet


class Given(Expression):
    """A value that is said when the statement is asked, as the database takes it: a key, a date, a range."""

    def __init__(self, name: str, output_field: Field) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list["Given"]]:
        return "%s", [self]


def among(field: str, given: Given) -> Func:
    """Whether the field is one of a given list; an empty list is one too."""
    return Func(F(field), given, template="%(expressions)s)", arg_joiner=" = ANY(", output_field=BooleanField())


class Statement:
    """A queryset with `Given` in it. It answers with the same rows as it would with the values themselves."""

    def __init__(self, queryset: QuerySet) -> None:
        self._queryset = queryset
        self._compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        self._sql, self._values = self._compiler.as_sql()
        self._converters = self._compiler.get_converters([column for column, *_ in self._compiler.select])

    def rows(self, **given: object) -> list[Any]:
        """One query. KeyError where a value is missing."""
        values = tuple(given[value.name] if isinstance(value, Given) else value for value in self._values)
        compiler = copy(self._compiler)
        compiler.connection = connection  # of this thread
        compiler.as_sql = lambda *_, **__: (self._sql, values)
        compiler.get_converters = lambda _: self._converters
        queryset = self._queryset.all()
        queryset.query.get_compiler = lambda *_, **__: compiler
        return list(queryset)
