"""Every URL × method × person, compared with the written table; and another clinic's person, who must meet nothing."""

import uuid
from collections.abc import Sequence
from itertools import product

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, include, path, reverse

from clinic.library_access import LIBRARY_ACCESS
from clinic.roles import member
from tests.access.table import PERSONAS, TABLE

READING, CHANGING = ("GET",), ("POST", "PUT", "DELETE")
PASSED, SIGN_IN, FORBIDDEN, WRONG_METHOD, ABSENT = "passed", "sign in", "forbidden", "wrong method", "absent"


def named_urls(resolver=None, namespace: str = "") -> dict[str, URLPattern]:
    """Every named URL of ours, by full name. The sign-in library's own are held by `LIBRARY_ACCESS`."""
    found: dict[str, URLPattern] = {}
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            found |= named_urls(entry, inner)
        elif not getattr(entry.callback, "__module__", "").startswith("allauth.") and not hasattr(
            entry.callback, "view_class"
        ):
            found[f"{namespace}{entry.name}"] = entry
    return found


def door(response: HttpResponse) -> str:
    if response.status_code in (301, 302) and "/accounts/login" in response.headers["Location"]:
        return SIGN_IN
    return {403: FORBIDDEN, 405: WRONG_METHOD, 404: ABSENT}.get(response.status_code, PASSED)


def expected(persona: str, method: str, name: str) -> str:
    row = TABLE[name]
    if row.public:
        return PASSED if method in row.methods else WRONG_METHOD
    if persona == "anonymous":
        return SIGN_IN
    if persona == "stranger":
        if method not in row.methods:
            return WRONG_METHOD
        return ABSENT if row.about_a_patient else PASSED
    if persona not in row.people:
        return FORBIDDEN
    return PASSED if method in row.methods else WRONG_METHOD


@pytest.fixture
def refs(request) -> dict[str, object]:
    """One row of everything a URL can name, all of the first clinic."""
    from tests.access.world import everything

    return everything(request)


def url_of(name: str, refs: dict[str, object]) -> str:
    row = TABLE[name]
    return reverse(name, kwargs={parameter: refs[kind] for parameter, kind in row.parameters.items()})


def test_the_table_names_every_url_and_no_other():
    assert set(named_urls()) == set(TABLE)


def test_every_view_declares_its_access_as_the_table_says():
    roles = {"desk": "front_desk", "clinician": "clinician", "prescriber": "prescriber", "manager": "manager"}
    for name, pattern in named_urls().items():
        access = getattr(pattern.callback, "access", None)
        assert access is not None, f"{name} declares no permission"
        row = TABLE[name]
        assert access.public == row.public, name
        assert set(access.methods) - {"HEAD", "OPTIONS"} == set(row.methods), name
        if not row.public:
            # A prescriber passes where clinicians pass.
            held = {
                persona: {role, "clinician"} if persona == "prescriber" else {role} for persona, role in roles.items()
            }
            assert {persona for persona, mine in held.items() if access.roles & mine} == set(row.people), name


@pytest.mark.parametrize("persona", ["anonymous", *PERSONAS, "stranger"])
@pytest.mark.django_db
def test_the_doors_are_as_the_table_says_and_reading_changes_nothing(request, refs, persona):
    """Every URL by every method. GET comes first: not one row of ours differs afterwards."""
    from tests.access.world import fingerprint

    client = Client() if persona == "anonymous" else request.getfixturevalue(persona)
    client.raise_request_exception = False
    before = fingerprint()
    wrong = doors_that_differ(client, persona, READING, refs)
    assert fingerprint() == before
    wrong += doors_that_differ(client, persona, CHANGING, refs)
    assert wrong == []


def doors_that_differ(client: Client, persona: str, methods: Sequence[str], refs: dict[str, object]) -> list[str]:
    wrong = []
    for name, method in product(TABLE, methods):
        if name == "clinic:change_clinic" and method == "POST":
            continue  # changes what the rest of this walk would see
        response = client.generic(method, url_of(name, refs))
        if response.status_code >= 500:
            wrong.append(f"{persona} {method} {name}: {response.status_code}")
        elif door(response) != expected(persona, method, name) and not (
            door(response) == ABSENT and TABLE[name].may_be_absent
        ):
            wrong.append(f"{persona} {method} {name}: {door(response)}, not {expected(persona, method, name)}")
    return wrong


@pytest.mark.django_db
def test_a_made_up_ref_is_absent_for_everyone(clinician):
    for name, row in TABLE.items():
        if row.about_a_patient and "GET" in row.methods:
            made_up = {parameter: uuid.uuid4() for parameter in row.parameters}
            if all(kind != "mail_key" for kind in row.parameters.values()):
                assert clinician.get(reverse(name, kwargs=made_up)).status_code in (403, 404), name


def undeclared(request):
    return HttpResponse("anyone may read this")


urlpatterns = [
    path("undeclared/", undeclared),
    path("declared/", member()(undeclared)),
    path("", include("clinic.urls")),
]


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_a_view_without_a_declaration_is_refused(clinician):
    assert clinician.get("/undeclared/").status_code == 403
    assert clinician.get("/declared/").status_code == 200


def test_removing_one_declaration_would_be_noticed():
    """The negative control of the walk above: an undeclared view has nothing to compare."""
    assert getattr(undeclared, "access", None) is None


@pytest.mark.django_db
def test_what_the_sign_in_library_offers_beyond_our_list_is_absent(clinician):
    listed = set(LIBRARY_ACCESS)
    for name in ("account_signup", "account_email", "account_set_password"):
        assert name not in listed
        assert clinician.get(reverse(name)).status_code == 404, name
