"""A server that shows the parts without a database: whatever a component would ask it for fails the test."""

import threading
from collections.abc import Callable, Iterator
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from playwright.sync_api import BrowserContext, Page

from tests.fixtures.browser import DOOR, Contexts, dress, free_port


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Silent(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Requests are the test's business, not the terminal's."""


@pytest.fixture(scope="session")
def look_port() -> int:
    return free_port()


@pytest.fixture
def look_url(settings, look_port: int) -> Iterator[str]:
    settings.ROOT_URLCONF = "tests.look.urls"
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    server = make_server("127.0.0.1", look_port, StaticFilesHandler(WSGIHandler()), Server, Silent)
    # Asked to end, it looks up within a hundredth of a second, not within half of one.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def show(contexts: Contexts, look_url: str) -> Iterator[Callable[..., Page]]:
    """`show("/look/parts/", theme="dark", size=(820, 1180))`: a page, and no error of its scripts or its policy unseen.

    With `own_clock` its seconds go by when the test says so (`page.clock.run_for`), beside those that go by anyway.
    """
    faults: list[str] = []
    lent: list[BrowserContext] = []

    def open_page(
        path: str, *, theme: str = "light", size: tuple[int, int] = (1280, 900), own_clock: bool = False
    ) -> Page:
        context = contexts.new() if own_clock else contexts.lend(look_url + DOOR)
        lent.append(context)
        page = context.new_page()
        dress(page, size, dark=theme == "dark")
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e => { throw new Error('CSP: ' + e.violatedDirective + ' ' + e.blockedURI) })"
        )
        if own_clock:
            page.clock.install()
        page.goto(look_url + path)
        return page

    yield open_page
    for context in lent:
        contexts.take_back(context)
    assert faults == []
