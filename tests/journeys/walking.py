"""What all steps of a journey share: eyes for every page, and hands that press only what stands on it."""

import re

from playwright.sync_api import Locator, Page

from tests.fixtures.browser import Visitor

# Drawn whole in any case, the fullest page of the desk and of the chair: one that cannot be drawn fails the journey.
DRAWN = {"today-arrived", "chair-treat"}


class Eyes:
    """Each page once: photographed where a folder is named for it, and asked for violations of accessibility rules."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.violations: list[str] = []

    def look(self, who: Visitor, name: str) -> None:
        if name in self.seen:
            return
        self.seen.append(name)
        who.shoot(f"{len(self.seen):02d}-{name}")
        if name in DRAWN:
            assert who.page.screenshot(full_page=True)
        self.violations += [f"{name}: {violation}" for violation in who.axe()]


def choose(within: Page | Locator, name: str, value: str) -> None:
    """Press the big button of a choice: the label is what a finger meets, the radio inside is for the keyboard."""
    within.locator(f"label:has(input[name='{name}'][value='{value}'])").first.click()


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.fill(f"main [name={name}]", value)


def go(page: Page, way: Locator) -> None:
    """Press what leads to another page, or to this one anew, and be there: what follows must not meet the page before."""
    with page.expect_navigation():
        way.click()


def press(page: Page, act: str) -> None:
    """A button that leads on: where a form is shown again with what is wrong, this fails."""
    here = page.url
    page.get_by_role("button", name=re.compile(f"^{act}")).click()
    page.wait_for_url(lambda url: url != here)


def what_next(page: Page, act: str) -> None:
    """The one act that the chart proposes, which has to be this one."""
    proposed = page.get_by_role("region", name="What next").locator(".btn-primary")
    assert proposed.inner_text() == act
    go(page, proposed)
