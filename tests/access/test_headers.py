"""Every answer carries the headers that keep a clinic's pages to themselves."""

import pytest

from tests.access.table import TABLE
from tests.access.test_access import refs, url_of  # noqa: F401  (refs is a fixture)

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
    "manifest-src": "'self'",
}


def directives(response) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in response.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts if name}


@pytest.mark.django_db
def test_every_page_is_strict_never_stored_and_carries_no_inline_script_or_style(clinician, refs):  # noqa: F811
    for name, row in TABLE.items():
        if "GET" not in row.methods:
            continue
        response = clinician.get(url_of(name, refs))
        assert directives(response) == POLICY, name
        assert response.headers["X-Content-Type-Options"] == "nosniff", name
        assert response.headers["Referrer-Policy"] == "same-origin", name
        assert response.headers["X-Frame-Options"] == "DENY", name
        assert response.headers["Cache-Control"] == "no-store", name
        assert inline(response.content.decode()) == [], name


def inline(html: str) -> list[str]:
    """What the policy would not let run or look as it was meant."""
    found = [mark for mark in (' style="', "<style") if mark in html]
    for script in html.split("<script")[1:]:
        attributes, _, rest = script.partition(">")
        body = rest.partition("</script")[0].strip()
        if body and "src=" not in attributes and "application/json" not in attributes:
            found.append(body)
    return found


def test_what_stands_inline_is_found():
    assert inline('<p style="color: red">') == [' style="']
    assert inline("<style>p {}</style>") == ["<style"]
    assert inline("<script>alert(1)</script>") == ["alert(1)"]
    assert inline('<script src="/static/js/app.js"></script><script type="application/json">{}</script>') == []


@pytest.mark.django_db
def test_sign_in_pages_are_as_strict(client):
    for path in ("/accounts/login/", "/accounts/password/reset/", "/nowhere/"):
        assert directives(client.get(path)) == POLICY, path
