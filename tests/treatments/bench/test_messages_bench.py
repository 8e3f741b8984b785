"""What the benchmark of messages measures is the product at work: everything that was due is sent, and no row stays behind."""

import pytest

from patients.models import Message
from patients.outbox import kinds
from tests.outbox import cast
from treatments.bench import at_rest, messages


class One:
    """The present database in both places."""

    large = None

    def use(self, database: object) -> None:
        pass


@pytest.mark.django_db(transaction=True)
def test_what_is_measured_is_sent_queued_and_claimed(monkeypatch):
    for size, few in {"TURNS": 1, "IN_A_TURN": 6, "ADDRESSES": 2, "QUEUED": 4, "QUEUE_RUNS": 1, "CLAIMS": 2}.items():
        monkeypatch.setattr(messages, size, few)
    monkeypatch.setattr(messages, "ROWS", 400)
    monkeypatch.setattr(messages, "DUE", 300)
    monkeypatch.setattr(at_rest, "MOMENTS", 1)
    monkeypatch.setattr(at_rest, "MOST_MOMENTS", 1)
    cast.a_clinic()
    drained, queued, claimed = messages.figures(One())
    assert drained.reference and "messages a second" in drained.note
    assert queued.reference and queued.times == 2
    assert claimed.goal == 10
    states = list(Message.objects.values_list("state", flat=True))
    # Two turns of ours and of the loop, one text that served as a model, and the history: queueing left nothing.
    assert (len(states), states.count("cancelled"), states.count("due")) == (425, 1, 250)
    with pytest.raises(kinds.UnknownKind):
        kinds.get(messages.NOTICE)
