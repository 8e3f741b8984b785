"""Rows of what is taken, fetched in PostgreSQL's binary format: in a common answer bits travel as text of twice their
length, and sending that took longer than everything else about free time.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO
from struct import Struct

from django.db import connection

# Of the format of COPY: what comes before the rows and after them. Numbers are big-endian, and each field follows its length.
HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
UP_TO_THE_BITS = Struct(">hiciciqiqiqiqi")


# `what` and `kind`: a letter each, as the statement gives them; key; first and end in ticks, or the number of a block and 0;
# visit; bits of this block and of those that follow.
TakenRow = tuple[bytes, bytes, int, int, int, int, bytes]


def fetch(statement: str, given: Mapping[str, object]) -> Iterator[TakenRow]:
    """The rows of a SELECT with the columns of a TakenRow: "char", "char", four times bigint, and bytea; none of them null."""
    sent = BytesIO()
    with connection.cursor() as cursor:
        select = cursor.mogrify(statement, given).decode()
        cursor.copy_expert(f"COPY ({select}) TO STDOUT (FORMAT binary)", sent)
    return _rows(sent.getvalue())


def _rows(sent: bytes) -> Iterator[TakenRow]:
    at, end_of_rows = len(HEADER), len(sent) - len(TRAILER)
    while at < end_of_rows:
        _, _, what, _, kind, _, key, _, first, _, end, _, visit, length = UP_TO_THE_BITS.unpack_from(sent, at)
        begin = at + UP_TO_THE_BITS.size
        at = begin + length
        yield what, kind, key, first, end, visit, sent[begin:at]
