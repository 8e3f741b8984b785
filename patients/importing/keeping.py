"""The file and what was found in it, as they are kept: small and encrypted, and not for long."""

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from uuid import UUID

from cryptography.fernet import MultiFernet

from clinic.encryption import fernet_keys
from patients.importing.kinds import Alike, Checked, Problem


def locked(plain: bytes) -> bytes:
    return MultiFernet(fernet_keys()).encrypt(zlib.compress(plain))


def opened(kept: bytes | memoryview) -> bytes:
    return zlib.decompress(MultiFernet(fernet_keys()).decrypt(bytes(kept)))


def report_of(checked: Checked) -> bytes:
    found = {
        "problems": [list(asdict(problem).values()) for problem in checked.problems],
        "alike": [
            [one.row, one.name, one.born_on.isoformat(), str(one.patient), one.on_record] for one in checked.alike
        ],
    }
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def read_report(plain: bytes) -> tuple[list[Problem], list[Alike]]:
    found = json.loads(plain)
    return [Problem(*one) for one in found["problems"]], [
        Alike(row, name, date.fromisoformat(born_on), UUID(patient), on_record)
        for row, name, born_on, patient, on_record in found["alike"]
    ]


def fingerprint(report: bytes, *, columns: Mapping[str, int], day_order: str) -> str:
    """By it whoever presses says which report she has seen, and of which reading of the file: two of them may find nothing
    wrong, and one has given name and family name the wrong way round."""
    read_as = json.dumps([sorted(columns.items()), day_order]).encode()
    return hashlib.sha256(read_as + report).hexdigest()
