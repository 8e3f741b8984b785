import pytest

from patients.outbox import kinds
from tests.outbox import cast


@pytest.fixture
def cancelled():
    """A kind that is written by the shipped text of a cancelled visit."""
    kind = kinds.Kind(
        code="test_cancelled", label="A visit is off", essential=True, unknown_policy="resend_once", immediate=True,
        still_wanted=cast.nothing_against, text="booking_cancelled", context=lambda message: {"starts_at": cast.NOON},
    )  # fmt: skip
    kinds.register(kind)
    yield kind.code
    kinds.forget(kind.code)
