"""One byte changed anywhere is noticed, and the sentence says in which part."""

import json

import pytest
from django.utils import timezone

from clinic.safekeeping import box, manifest
from clinic.safekeeping.contents import Table
from clinic.safekeeping.manifest import File, Manifest
from clinic.safekeeping.restoring import refuse_newer
from clinic.safekeeping.sentences import CannotKeep, Damaged

CONTENT = {box.DATABASE: b"rows of everybody" * 30, "media/photos/a.jpg": b"\xff\xd8 a picture", "media/b.txt": b""}


def a_box(file, **differently) -> Manifest:
    writer, files = box.Writer(file), {}
    for name, content in CONTENT.items():
        with writer.piece(name) as piece:
            piece.write(content)
        files[name] = File(piece.size, piece.sha256)
    database = files.pop(box.DATABASE)
    told = Manifest(
        **{
            "version": "0.1.0", "moment": timezone.now(), "clinic_moment": timezone.now(), "server": 18, "dumped_with": 18,
            "migrations": {"clinic": ["0001_squashed_0003_resources"]}, "key": "0" * 16,
            "tables": {"public.one": Table(1, "0" * 64)}, "database": database,
            "files": {name.removeprefix(box.FILES): one for name, one in files.items()},
        } | differently
    )  # fmt: skip
    writer.finish(told.as_json())
    writer.close()
    return told


def look(file) -> Manifest:
    with open(file, "rb") as opened:
        return manifest.checked(box.read(opened))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "kept.tar"


def changed(file, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 0x01
    file.write_bytes(content)


def test_a_whole_file_is_read_as_it_was_written(file):
    assert a_box(file) == look(file)


def test_one_bit_of_any_byte_is_noticed(file):
    a_box(file)
    whole = file.read_bytes()
    for at in range(len(whole)):
        changed(file, at)
        with pytest.raises(CannotKeep):
            look(file)
        file.write_bytes(whole)


@pytest.mark.parametrize(
    ("of", "part"),
    [
        (b"rows of", "the database"),
        (b"a picture", "the file photos/a.jpg"),
        (b'"public.one"', "the list of contents"),
        (b"ustar", "between its parts"),
        (b"stratum-backup 1", "no whole backup: its seal"),
        (b"contents=", "no whole backup: its seal"),
    ],
)
def test_the_sentence_names_the_part(file, of, part):
    a_box(file)
    changed(file, file.read_bytes().index(of))
    with pytest.raises(Damaged, match=part):
        look(file)


def test_a_file_cut_short_anywhere_is_no_whole_backup(file):
    a_box(file)
    whole = file.read_bytes()
    for size in range(0, len(whole), 97):
        file.write_bytes(whole[:size])
        with pytest.raises(Damaged):
            look(file)


def test_a_list_that_does_not_fit_its_parts_is_refused_though_the_seal_fits(file):
    a_box(file, files={"photos/a.jpg": File(1, "0" * 64)})
    with pytest.raises(Damaged, match=r"the file photos/a\.jpg"):
        look(file)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "photos/../../outside"])
def test_no_file_leads_out_of_its_folder(file, name, monkeypatch):
    monkeypatch.setitem(CONTENT, f"media/{name}", b"bad")
    a_box(file)
    with pytest.raises(Damaged, match="outside its own folder"):
        look(file)


def test_a_list_of_another_form_is_refused_in_words():
    with pytest.raises(CannotKeep, match="in another form"):
        manifest.parsed(json.dumps({"format": 2}).encode())
    with pytest.raises(Damaged, match="cannot be read"):
        manifest.parsed(b"[]")


def test_a_newer_versions_backup_is_refused_and_an_older_ones_is_not(file):
    newer = a_box(file, migrations={"clinic": ["0001_squashed_0003_resources", "9999_from_tomorrow"]})
    with pytest.raises(CannotKeep, match=r"newer version of Stratum .* clinic\.9999_from_tomorrow"):
        refuse_newer(newer)
    file.unlink()
    refuse_newer(a_box(file, migrations={"clinic": ["0001_initial"], "auth": ["0001_initial"]}))


def test_the_key_is_known_by_its_fingerprint_also_when_another_took_its_place(file, settings):
    told = a_box(file, key=manifest.fingerprint("a key of those days"))
    assert not manifest.knows_the_key(told)
    settings.SECRET_KEY_FALLBACKS = ["a key of those days"]
    assert manifest.knows_the_key(told)


def test_the_version_is_the_projects(settings):
    assert f'version = "{settings.PRODUCT_VERSION}"' in (settings.BASE_DIR / "pyproject.toml").read_text()
