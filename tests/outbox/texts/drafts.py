"""German texts as they will be once somebody has checked them: without the mark of a draft."""

from collections.abc import Callable
from pathlib import Path

import pytest

from patients.outbox.texts import shipped


def checked_german(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What takes the mark off the texts that are named; `folder` is empty and goes before the shipped one."""

    def checked(*codes: str) -> None:
        (folder / "de").mkdir(parents=True, exist_ok=True)
        for code in codes:
            source = Path(shipped.FOLDERS[0]) / "de" / f"{code}.txt"
            (folder / "de" / f"{code}.txt").write_text(source.read_text().replace("draft: yes\n", ""))
        monkeypatch.setattr(shipped, "FOLDERS", (*shipped.FOLDERS, folder))

    return checked
