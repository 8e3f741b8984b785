"""Whatever a browser can send is answered: never a 500, never a traceback, and nothing of another clinic."""

import re
import uuid
from itertools import product
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.access.table import TABLE
from tests.access.test_access import refs, url_of  # noqa: F401  (refs is a fixture)

JUNK = {
    "nothing": "",
    "a word": "banana",
    "a NUL byte": "a\x00b",
    "half a character": "\ud800",
    "right to left": "\u202eabc\u0000"[:-1],
    "an enormous number": "9" * 400,
    "not a number": "NaN",
    "minus infinity": "-Infinity",
    "a date that is none": "2027-02-30",
    "a far date": "9999-12-31",
    "the year nought": "0000-00-00",
    "a time that is none": "25:61",
    "markup": '"><img src=x onerror=alert(1)>{{7*7}}{% now %}',
    "a header": "a\r\nBcc: everyone@post.example",
    "long": "x" * 20_000,
    "somebody else's ref": str(uuid.uuid4()),
}
FORM_BODY = "application/x-www-form-urlencoded"
NOT_TOUCHED = {"csrfmiddlewaretoken"}
ONE_MEGABYTE = "ä" * 500_000


_NAMES: set[str] = set()


def field_names(client: Client, refs) -> set[str]:  # noqa: F811
    """Every name that any form of the product has: read from its pages once, they are the same for every test."""
    for name, row in TABLE.items() if not _NAMES else ():
        if "GET" in row.methods:
            _NAMES.update(re.findall(r'\sname="([^"]+)"', client.get(url_of(name, refs)).content.decode()))
    return _NAMES - NOT_TOUCHED


@pytest.fixture
def everyone(clinician_member, signed_in):
    """Someone who may press every button: desk, prescriber and manager in one."""
    clinician_member.roles = ["front_desk", "clinician", "prescriber", "manager"]
    clinician_member.save(update_fields=["roles"])
    client = signed_in(clinician_member)
    client.raise_request_exception = False
    return client


def dealt(names: list[str], turn: int) -> str:
    """A form body with another junk in every field, and in every field another one each turn."""
    hands = list(JUNK.values())
    return urlencode(
        {
            name: hands[(place + turn * 3) % len(hands)].encode("utf-8", "surrogatepass")
            for place, name in enumerate(names)
        }
    )


@pytest.mark.django_db
@pytest.mark.parametrize("turn", range(4))
def test_no_junk_makes_a_500(refs, everyone, turn):  # noqa: F811
    names = sorted(field_names(everyone, refs))
    assert len(names) > 40, "the forms were not found"
    body, failed = dealt(names, turn), []
    for name, row in TABLE.items():
        if "POST" in row.methods:
            response = everyone.post(url_of(name, refs), body, content_type=FORM_BODY)
            if response.status_code >= 500:
                failed.append(f"POST {name}: {response.status_code}")
    assert failed == []


@pytest.mark.django_db
def test_no_junk_in_an_address_makes_a_500(refs, everyone):  # noqa: F811
    failed = []
    names = ("treatments:today", "treatments:screening", "treatments:chart", "treatments:session", "treatments:book",
             "treatments:book_visit", "treatments:worklists", "patients:messages", "patients:list", "treatments:course")  # fmt: skip
    parameters = ("day", "on", "by", "view", "visit", "show", "for", "kind", "page", "step", "zone", "from")
    for (what, junk), name in product(JUNK.items(), names):
        try:
            response = everyone.get(url_of(name, refs), dict.fromkeys(parameters, junk))
        except UnicodeEncodeError:
            assert what == "half a character"  # which cannot be put into an address
            continue
        if response.status_code >= 500:
            failed.append(f"GET {name}, {what}: {response.status_code}")
    assert failed == []


@pytest.mark.django_db
def test_a_megabyte_of_text_is_refused_in_words_or_kept(refs, everyone):  # noqa: F811
    failed = []
    fields = ("note", "given_name")
    for name, row in TABLE.items():
        if "POST" in row.methods:
            # What the page itself calls its text, and two names every page may know.
            response = everyone.post(url_of(name, refs), dict.fromkeys(fields, ONE_MEGABYTE))
            if response.status_code >= 500:
                failed.append(f"{name}: {response.status_code}")
    assert failed == []


@pytest.mark.django_db
def test_the_fuzz_would_notice_a_500(everyone, monkeypatch):
    """The negative control: a view that falls over is reported as 500 by this client, not swallowed."""
    monkeypatch.setattr("clinic.services.change_clinic_details", lambda **_: 1 / 0)
    page = everyone.get("/settings/clinic/")
    form = page.context["form"]
    body = {name: form[name].value() or "" for name in form.fields}

    assert everyone.post("/settings/clinic/", body).status_code == 500
