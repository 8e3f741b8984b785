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
def test_every_page_is_strict_and_never_stored(clinician, refs):  # noqa: F811
    for name, row in TABLE.items():
        if "GET" not in row.methods:
            continue
        response = clinician.get(url_of(name, refs))
        assert directives(response) == POLICY, name
        assert response.headers["X-Content-Type-Options"] == "nosniff", name
        assert response.headers["Referrer-Policy"] == "same-origin", name
        assert response.headers["X-Frame-Options"] == "DENY", name
        assert response.headers["Cache-Control"] == "no-store", name


@pytest.mark.django_db
def test_pages_carry_no_inline_script_and_no_inline_style(clinician, refs):  # noqa: F811
    for name, row in TABLE.items():
        if "GET" in row.methods:
            html = clinician.get(url_of(name, refs)).content.decode()
            assert ' style="' not in html, name
            assert "<style" not in html, name
            for script in html.split("<script")[1:]:
                attributes, _, body = script.partition(">")
                assert (
                    "src=" in attributes
                    or "application/json" in attributes
                    or not body.partition("</script")[0].strip()
                ), name


@pytest.mark.django_db
def test_sign_in_pages_are_as_strict(client):
    for path in ("/accounts/login/", "/accounts/password/reset/", "/nowhere/"):
        assert directives(client.get(path)) == POLICY, path
