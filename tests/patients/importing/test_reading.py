"""Bytes to rows, and days that can be read in two ways."""

import tracemalloc
from datetime import date

import pytest

from patients.importing import days, reading
from patients.importing.reading import Unreadable

TEXT = "Given name;Family name;Born\nZoë;Müller;03/04/1985\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode("utf-8"), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8"),
        (TEXT.encode("utf-16"), "utf-16-le"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("cp1252"), "cp1252"),
    ],
)
def test_the_letters_are_told_apart(content, encoding):
    sheet = reading.read(content)
    assert (sheet.encoding, sheet.separator) == (encoding, ";")
    assert sheet.rows == [(2, ["Zoë", "Müller", "03/04/1985"])]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found_whatever_stands_in_quotes(separator):
    row = separator.join(["Ana", '"Silva, the; second\tone"', '"two\nlines"'])
    sheet = reading.read(f"Given{separator}Family{separator}Note\n{row}\n\n{row}\n".encode())
    assert sheet.separator == separator
    assert sheet.rows == [(number, ["Ana", "Silva, the; second\tone", "two\nlines"]) for number in (2, 4)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"Name\nAna\n", "No columns"),
        (b"Given,Family\n\n,\n", "no rows below"),
        (b'Given,Family\nAna,"Silva\nBo,Lee\n', "never closed"),
        (b"a,b\n" + b"\x81\x8d\xff" * 3, "cannot be read"),
        (b"a,b\n" + b"x" * reading.MOST_BYTES, "larger than 5 MB"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", "no table"),
        (b",".join([b"a"] * 201) + b"\n1,2\n", "201 columns are too many"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(content, words):
    with pytest.raises(Unreadable, match=words):
        reading.read(content)


@pytest.mark.parametrize("content", [b"a,b\n" + b"\n" * 1_000_000 + b"1,2\n", b"a,b\n" + b"1,\n" * 600_000])
def test_a_file_of_nothing_but_rows_takes_little_memory(content):
    """5 MB of line breaks are five million rows: as lists they were 700 MB of a web process."""
    tracemalloc.start()
    try:
        reading.read(content)
    except Unreadable as refusal:
        assert "20,000 at most" in refusal.sentence
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000


def test_a_mark_inside_a_text_that_nobody_doubled_is_taken_as_it_stands():
    assert reading.read(b'Given,Family\n"Bud" O,Neil\n').rows == [(2, ["Bud O", "Neil"])]


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2026-04-03", "mdy", date(2026, 4, 3)),
        ("2026/4/3", "dmy", date(2026, 4, 3)),
        ("2026-04-03 00:00:00", "dmy", date(2026, 4, 3)),
        ("03/04/2026", "dmy", date(2026, 4, 3)),
        ("03/04/2026", "mdy", date(2026, 3, 4)),
        ("3.4.2026", "dmy", date(2026, 4, 3)),
        ("3 April 2026", "mdy", date(2026, 4, 3)),
        ("13/04/2026", "mdy", None),
        ("29/02/2027", "dmy", None),
        ("03/04/26", "dmy", None),
        ("0000-00-00", "dmy", None),
        ("1850-01-01", "dmy", None),
        ("yesterday", "dmy", None),
        ("٠٣/٠٤/٢٠٢٦", "dmy", date(2026, 4, 3)),
        ("", "dmy", None),
    ],
)
def test_a_day_is_read_in_the_order_that_was_said(text, order, day):
    assert days.read_day(text, order) == day


def test_a_file_shows_its_order_where_one_day_does():
    assert days.orders(["03/04/2026", "13/04/2026"]) == ({"dmy"}, "03/04/2026")
    assert days.orders(["04/13/2026"]) == ({"mdy"}, "")
    assert days.orders(["04/13/2026", "13/04/2026"]) == ({"mdy", "dmy"}, "")
    assert days.orders(["03/04/2026", "2026-04-13", "04/04/2026"]) == (set(), "03/04/2026")
