"""A clinic's own words: what waits is written by them, what was sent keeps its own, nobody overwrites anybody, and a number
never means two texts."""

import threading

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from clinic.errors import DomainError
from clinic.models import AuditEvent, Clinic
from patients.outbox import dispatch, preview, rendering
from patients.outbox.texts import chosen, selectors, services, shipped
from patients.outbox.texts.models import MessageText
from patients.outbox.texts.shipped import FIRST_OF_A_CLINIC, FRAME, library
from tests.outbox import cast

pytestmark = pytest.mark.django_db
CODE = "booking_cancelled"
SHIPPED = library().english(CODE)
OURS = SHIPPED.source.replace("please tell us.", "please ring us.")


@pytest.fixture
def publish(clinic, boss):
    return lambda source=OURS, **changes: services.publish(
        **{
            "clinic": clinic,
            "code": CODE,
            "language": "en",
            "source": source,
            "why": "Our words",
            "by": boss,
            "seen_version": chosen.in_force(clinic, CODE).version,
        }
        | changes
    )


def test_what_waits_is_written_by_the_new_words_and_what_was_sent_keeps_its_own(
    clinic, patient, cancelled, publish, smtp, limits, breaker
):
    sent, waits = cast.owe(patient, cancelled), cast.owe(patient, cancelled, send_at=cast.NOON.replace(hour=18))
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    kept = publish()
    sent.refresh_from_db()
    assert "please tell us." in preview.text_of(sent).body and sent.template_version == SHIPPED.version
    assert "please ring us." in rendering.write(waits).text
    assert rendering.write(waits).version == kept.version == FIRST_OF_A_CLINIC


def test_another_clinic_keeps_the_shipped_words(publish, cancelled):
    publish()
    other = cast.a_patient(cast.a_clinic())
    assert "please tell us." in rendering.write(cast.owe(other, cancelled)).text


def test_the_frame_is_a_text_like_the_others(clinic, patient, cancelled, publish):
    publish(
        library().english(FRAME).source.replace("Dear {first_name},", "Hello {first_name},"), code=FRAME, seen_version=1
    )
    assert rendering.write(cast.owe(patient, cancelled)).text.startswith("Hello Leila,")


def test_the_shipped_words_count_again_and_the_history_keeps_all(clinic, boss, patient, cancelled, publish):
    publish()
    services.restore_shipped(
        clinic=clinic, code=CODE, language="en", why="Too curt", by=boss, seen_version=FIRST_OF_A_CLINIC
    )
    letter = rendering.write(cast.owe(patient, cancelled))
    assert ("please tell us." in letter.text, letter.version) == (True, SHIPPED.version)
    again = publish(seen_version=SHIPPED.version)
    assert again.version == FIRST_OF_A_CLINIC + 2
    rows = [
        (version.row.version, version.row.why, bool(version.row.source))
        for version in selectors.versions(clinic, CODE, "en")
    ]
    assert rows == [(1003, "Our words", True), (1002, "Too curt", False), (1001, "Our words", True)]


def test_a_version_number_never_means_two_texts(clinic, boss, publish, tmp_path, monkeypatch):
    """Whatever later releases ship: theirs end where a clinic's own begin."""
    publish()
    ship_again(tmp_path, monkeypatch, SHIPPED.version + 1)
    publish(OURS.replace("ring", "call"), seen_version=FIRST_OF_A_CLINIC)
    versions = list(MessageText.objects.filter(clinic=clinic).values_list("version", flat=True))
    assert len(versions) == len(set(versions)) and min(versions) > SHIPPED.version + 1
    with pytest.raises(shipped.BrokenText):
        ship_again(tmp_path / "later", monkeypatch, FIRST_OF_A_CLINIC)


def ship_again(folder, monkeypatch, version: int, words: str = "another time") -> None:
    (folder / "en").mkdir(parents=True)
    source = SHIPPED.source.replace("another time", words)
    (folder / "en" / f"{CODE}.txt").write_text(
        f"title: Visit cancelled\npurpose: Again\nversion: {version}\n\n{source}"
    )
    monkeypatch.setattr(shipped, "FOLDERS", (*shipped.FOLDERS, folder))
    library()


def test_a_newer_shipped_text_is_pointed_out_with_the_difference(clinic, publish, tmp_path, monkeypatch):
    publish()
    assert selectors.newer_shipped(clinic, CODE, "en") is None
    ship_again(tmp_path, monkeypatch, SHIPPED.version + 1, words="a new time")
    lines = selectors.newer_shipped(clinic, CODE, "en")
    assert any(line.sign == "added" and "a new time" in line.words for line in lines)
    assert any(line.sign == "gone" and "please ring us" in line.words for line in lines)
    [cell] = [
        cell
        for entry in selectors.entries(clinic)
        if entry.code == CODE
        for cell in entry.cells
        if cell.language == "en"
    ]
    assert (cell.state, cell.newer) == ("own", True)


def test_words_that_a_newer_release_cannot_read_give_way_to_the_shipped_ones(
    clinic, boss, patient, cancelled, tmp_path
):
    """Better its own words than a letter with holes; the page says so."""
    row = MessageText.objects.create(
        clinic=clinic,
        code=CODE,
        language="en",
        version=1001,
        source="Off: {starts_at}. {gone}\n",
        shipped_version=4,
        why="x",
        made_by=boss,
    )
    letter = rendering.write(cast.owe(patient, cancelled))
    assert ("please tell us." in letter.text, letter.version) == (True, SHIPPED.version)
    assert chosen.unreadable(clinic, CODE, "en") == row
    services.restore_shipped(clinic=clinic, code=CODE, language="en", why="Gone", by=boss, seen_version=SHIPPED.version)
    chosen.forget(clinic)
    assert chosen.unreadable(clinic, CODE, "en") is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"source": ""}, "Write the text."),
        ({"source": "Off.\n"}, "{starts_at} is missing"),
        ({"source": OURS + "\nNow 20% off.\n"}, "advertises"),
        ({"source": SHIPPED.source}, "count already"),
        ({"source": SHIPPED.source.replace("\n", "\r\n") + "\r\n\r\n"}, "count already"),
        ({"why": "  "}, "Write why"),
        ({"seen_version": 1}, "Somebody else has changed"),
        ({"code": "nothing"}, "no such text"),
        ({"language": "xx"}, "no such text"),
        ({"language": "de"}, "is a draft"),
    ],
)
def test_what_is_refused_changes_nothing(clinic, publish, changes, says):
    with pytest.raises(DomainError, match="(?s).") as refused:
        publish(**changes)
    assert says in refused.value.sentence
    assert not MessageText.objects.exists()


def test_the_shipped_words_cannot_be_restored_where_they_count(clinic, boss):
    with pytest.raises(DomainError, match="shipped words already"):
        services.restore_shipped(
            clinic=clinic, code=CODE, language="en", why="x", by=boss, seen_version=SHIPPED.version
        )


def test_each_change_is_audited_without_its_words(clinic, boss, publish):
    publish()
    services.restore_shipped(clinic=clinic, code=CODE, language="en", why="Too curt", by=boss, seen_version=1001)
    events = AuditEvent.objects.filter(action__startswith="message_text.").order_by("pk")
    assert [(event.action, event.by, event.facts["version"]) for event in events] == [
        ("message_text.published", boss, 1001),
        ("message_text.restored", boss, 1002),
    ]
    assert "ring" not in str(list(events.values_list("facts", flat=True)))


def test_a_version_is_never_changed_or_taken_away(publish):
    kept = publish()
    for wrong in (lambda: MessageText.objects.update(source="x"), kept.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            wrong()


def test_whom_a_change_reaches_is_counted_by_kind(clinic, patient, cancelled, smtp, limits, breaker):
    cast.owe_many(patient, 2, cancelled)
    dispatch.run(limits=limits, through=smtp, breaker=breaker)
    cast.owe_many(patient, 3, cancelled)
    cast.owe_many(patient, 4, "test_notice")
    cast.owe(cast.a_patient(cast.a_clinic()), cancelled)
    assert [(one.label, one.waiting) for one in selectors.reached(clinic, CODE)] == [("A visit is off", 3)]
    assert [(one.label, one.waiting) for one in selectors.reached(clinic, FRAME)] == [
        ("A notice", 4),
        ("A visit is off", 3),
    ]


# ── Two managers at once ──────────────────────────────────────────────────────


def save_at_once(clinic, boss, monkeypatch) -> list[str]:
    """Both have the page open, both read what counts before either writes, on connections of their own. What each was told."""
    both_have_read, told, look = threading.Barrier(2), [], services._editable

    def look_together(clinic, code, language):
        found = look(clinic, code, language)
        both_have_read.wait(20)
        return found

    def press(number: int) -> None:
        try:
            services.publish(
                clinic=Clinic.objects.get(pk=clinic.pk), code=CODE, language="en", by=boss, why=f"Mine {number}",
                source=OURS.replace("ring", f"ring {number} times and then ask"), seen_version=SHIPPED.version,
            )  # fmt: skip
            told.append("saved")
        except DomainError as refused:
            told.append(refused.sentence)
        finally:
            connection.close()

    monkeypatch.setattr(services, "_editable", look_together)
    threads = [threading.Thread(target=press, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(told, key=lambda said: said == "saved")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_told_that_the_other_was_quicker(clinic, boss, monkeypatch):
    refused, saved = save_at_once(clinic, boss, monkeypatch)
    assert saved == "saved"
    assert refused == "This text was changed by somebody else meanwhile. Look at it again, then save your own."
    assert MessageText.objects.get().version == FIRST_OF_A_CLINIC


@pytest.mark.django_db(transaction=True)
def test_numbered_by_a_later_look_both_would_be_saved_and_one_buried(clinic, boss, monkeypatch):
    """Negative control: the number has to come from what was read, not from what is there by now."""
    turn, later = threading.Lock(), iter((FIRST_OF_A_CLINIC, FIRST_OF_A_CLINIC + 1))

    def by_a_later_look(clinic, shipped) -> int:
        with turn:
            return next(later)

    monkeypatch.setattr(services, "_next_version", by_a_later_look)
    assert save_at_once(clinic, boss, monkeypatch) == ["saved", "saved"]
    assert MessageText.objects.count() == 2
