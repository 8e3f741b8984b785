"""Photos: drawn anew byte by byte, refused in words, kept where only one view finds them, and looked at on record."""

import hashlib
import os
import stat
import struct
import zlib
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client, override_settings
from django.urls import reverse
from PIL import Image

from clinic.models import AuditEvent
from patients.models import Photo
from patients.services import photos, redraw
from patients.services.photos import PhotoRefused
from tests.treatments.healing.telling import a_picture

pytestmark = pytest.mark.django_db
CANARY = b"patient Jane Zzyzx Canary-7f3a"
GPS, ORIENTATION, MAKE = 0x8825, 0x0112, 0x010F


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"


def folder() -> Path:
    return photos._folder()


def content(kept: photos.Kept) -> bytes:
    return (folder() / kept.name).read_bytes()


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def with_everything() -> BytesIO:
    """A photo as a telephone makes it and somebody meant harm with: place, maker, comment, a profile, and a script after the end."""
    exif = Image.Exif()
    exif[MAKE] = "Canary-7f3a"
    exif[ORIENTATION] = 6  # a quarter turn
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[2] = (51.0, 30.0, 26.0)
    out = a_picture(size=(80, 60), exif=exif, comment=CANARY, quality=95)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>Canary-7f3a</x:xmpmeta>"
    data = out.getvalue()
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + data[2:]
    return BytesIO(data + b"<script>alert('Canary-7f3a')</script>" + CANARY)


def segments(jpeg: bytes) -> list[int]:
    """The markers of a JPEG up to its pixels."""
    found, at = [], 2
    while jpeg[at + 1] != 0xDA:
        found.append(jpeg[at + 1])
        at += 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
    return found


def added(patient, by=None) -> Photo:
    return photos.add(patient=patient, kept=photos.keep(a_picture()), about=None, by=by)


# ── What is kept ──────────────────────────────────────────────────────────────


def test_nothing_of_the_camera_of_a_comment_or_after_the_end_is_kept():
    sent = with_everything()
    for there in (b"Exif", b"Canary-7f3a", b"xmpmeta", b"<script>"):
        assert there in sent.getvalue()  # the negative control: it was sent
    kept = photos.keep(sent)
    jpeg = content(kept)
    for gone in (b"Exif", b"GPS", b"Canary-7f3a", b"xmpmeta", b"<script>", b"http", b"ICC_PROFILE"):
        assert gone not in jpeg
    # JFIF, tables and the frame: neither a comment (FE) nor data of a program (E1 to EF).
    assert set(segments(jpeg)) <= {0xE0, 0xDB, 0xC0, 0xC4, 0xDD}
    assert jpeg.startswith(b"\xff\xd8")
    assert jpeg.endswith(b"\xff\xd9")
    assert jpeg.count(b"\xff\xd9") == 1
    assert opened(jpeg).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_plain_saving_again_would_keep_the_comment():
    """The negative control: why a picture is drawn anew and not only saved."""
    out = BytesIO()
    Image.open(with_everything()).save(out, "JPEG")
    assert CANARY in out.getvalue()


def test_it_stands_upright_whatever_its_camera_noted():
    kept = photos.keep(with_everything())
    assert (kept.width_px, kept.height_px) == (60, 80)
    assert opened(content(kept)).size == (60, 80)


def test_what_is_noted_of_a_picture_is_true_of_its_file():
    kept = photos.keep(a_picture())
    jpeg = content(kept)
    assert (kept.sha256, kept.size_bytes) == (hashlib.sha256(jpeg).hexdigest(), len(jpeg))
    assert opened(jpeg).getpixel((10, 10)) == pytest.approx((255, 99, 71), abs=4)


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", "png"), ("WEBP", "webp"), ("JPEG", "jpg")])
def test_every_format_that_is_asked_for_becomes_a_jpeg(kind, suffix):
    kept = photos.keep(a_picture(kind, name=f"skin.{suffix}"))
    assert opened(content(kept)).format == "JPEG"


def test_the_name_of_the_file_says_nothing_of_what_it_is():
    """What decides is in the file: a picture by any name is a picture, and its name is never used."""
    kept = photos.keep(a_picture("PNG", name="../../etc/passwd.php"))
    assert photos.NAME.fullmatch(kept.name)
    assert [file.name for file in folder().iterdir()] == [kept.name]


def test_what_is_see_through_stands_on_white():
    out = BytesIO()
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(out, "PNG")
    out.seek(0)
    assert opened(content(photos.keep(out))).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA", "I;16"])
def test_other_kinds_of_pixels_become_red_green_and_blue(mode):
    out = BytesIO()
    Image.new(mode, (40, 30)).save(out, "JPEG" if mode == "CMYK" else "PNG")
    out.seek(0)
    assert opened(content(photos.keep(out))).mode == "RGB"


def test_a_large_one_is_kept_as_large_as_anybody_looks_at_it():
    kept = photos.keep(a_picture(size=(4000, 3000)))
    assert (kept.width_px, kept.height_px) == (1600, 1200)


def test_wide_colours_are_turned_into_usual_ones():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    kept = photos.keep(a_picture(icc_profile=profile))
    assert opened(content(kept)).getpixel((10, 10)) == pytest.approx((255, 99, 71), abs=5)


def test_a_broken_profile_costs_the_profile_and_not_the_picture():
    assert photos.keep(a_picture(icc_profile=b"nonsense" * 40)).width_px == 80


def test_files_are_for_nobody_else_and_never_written_over():
    kept = photos.keep(a_picture())
    file = folder() / kept.name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder().stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        photos._write(kept.name, b"another")


# ── What is refused ───────────────────────────────────────────────────────────


def refusal(data: bytes | BytesIO) -> str:
    with pytest.raises(PhotoRefused) as caught:
        photos.keep(BytesIO(data) if isinstance(data, bytes) else data)
    assert not folder().exists() or not list(folder().iterdir())
    return caught.value.sentence


def a_bomb(width: int, height: int) -> bytes:
    """A PNG that says it is so large, in a few hundred bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return photos.PNG + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(8000, 5001), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_goes_off(width, height):
    assert refusal(a_bomb(width, height)) in (photos.TOO_MANY_PIXELS, photos.NO_PHOTO)


def test_forty_megapixels_are_the_last_that_may_come():
    assert refusal(a_bomb(8000, 5001)) == photos.TOO_MANY_PIXELS
    assert refusal(a_bomb(8000, 5000)) == photos.NO_PHOTO  # small enough, and then there is nothing in it


def test_what_eats_memory_or_time_ends_alone(monkeypatch, tmp_path):
    """The limits of the process that draws: without them this would end us."""
    for greedy in ("data = bytearray(1 << 31)", "while True: pass"):
        program = tmp_path / "greedy.py"
        limits = Path(redraw.__file__).read_text().replace("CPU_SECONDS = 8", "CPU_SECONDS = 1")
        program.write_text(limits.replace("    try:\n        width", f"    {greedy}\n    try:\n        width", 1))
        monkeypatch.setattr(redraw, "__file__", str(program))
        assert refusal(a_picture()) == photos.NO_PHOTO


def test_the_process_that_draws_writes_no_file(monkeypatch, tmp_path):
    program = tmp_path / "writing.py"
    limits = Path(redraw.__file__).read_text()
    write = f"open({str(tmp_path / 'left')!r}, 'wb', buffering=0).write(b'x' * 9)"
    program.write_text(limits.replace("    try:\n        width", f"    {write}\n    try:\n        width", 1))
    monkeypatch.setattr(redraw, "__file__", str(program))
    assert refusal(a_picture()) == photos.NO_PHOTO
    assert not (tmp_path / "left").exists() or (tmp_path / "left").stat().st_size == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a" + b"\0" * 40,
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%PDF-1.7",
        b"MZ" + b"\0" * 100,
        b"\xff\xd8\xff" + b"nonsense" * 20,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        b"RIFF\0\0\0\0WEBP" + b"\0" * 40,
        b"RIFF\0\0\0\0AVI LIST",
    ],
)
def test_what_is_no_picture_gets_a_sentence(data):
    assert refusal(data) == photos.NO_PHOTO


def test_half_a_picture_is_none():
    whole = a_picture(size=(400, 300)).getvalue()
    assert refusal(whole[: len(whole) // 2]) == photos.NO_PHOTO


def test_what_a_telephone_calls_heic_is_named_with_the_way_round_it():
    said = refusal(b"\0\0\0\x18ftypheic" + b"\0" * 40)
    assert "HEIC" in said
    assert "Most compatible" in said


def test_fifteen_megabytes_are_the_most():
    assert refusal(b"\xff\xd8\xff" + b"\0" * photos.MOST_BYTES) == photos.TOO_BIG


def test_where_the_disk_refuses_she_is_asked_to_send_it_later(monkeypatch):
    monkeypatch.setattr(photos, "_write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert refusal(a_picture()) == photos.NOT_KEPT


# ── File and row ──────────────────────────────────────────────────────────────


def test_a_rollback_leaves_a_file_that_the_sweep_removes_and_nothing_else(patient):
    stays = added(patient)
    with pytest.raises(RuntimeError), transaction.atomic():
        lost = added(patient)
        raise RuntimeError
    assert {file.name for file in folder().iterdir()} == {stays.name, lost.name}
    foreign = folder() / "notes.txt"
    foreign.write_text("not ours to remove")
    assert photos.sweep() == 0  # too young: its transaction may still be under way
    for file in folder().iterdir():
        os.utime(file, (0, 0))
    assert photos.sweep() == 1
    assert {file.name for file in folder().iterdir()} == {stays.name, "notes.txt"}
    assert photos.sweep(older_than=timedelta(0)) == 0


def test_there_is_nothing_to_sweep_where_nothing_was_ever_kept():
    assert photos.sweep() == 0


def test_a_picture_that_is_given_up_is_gone():
    kept = photos.keep(a_picture())
    photos.discard(kept)
    photos.discard(kept)
    photos.discard(None)
    assert list(folder().iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "../secret-key",
        "/etc/passwd",
        "..",
        "",
        "a/b.jpg",
        "0" * 32 + ".png",
        "0" * 32 + ".jpg\n",
        "%2e%2e/x",
        "0" * 32 + ".jpg/..",
    ],
)
def test_a_row_that_names_another_place_leads_nowhere(patient, clinician, name):
    kept = photos.keep(a_picture())
    photo = photos.add(patient=patient, kept=photos.Kept(name, kept.sha256, 1, 1, 1), about=None, by=None)
    assert photos.path_of(photo) is None
    assert clinician.get(reverse("patients:photo", args=[photo.ref])).status_code == 404


# ── Who sees it ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("persona", ["clinician", "prescriber"])
def test_a_clinician_sees_it_and_each_look_is_on_record(request, patient, persona):
    client, photo = request.getfixturevalue(persona), added(patient)
    for looks in (1, 2):
        answer = client.get(reverse("patients:photo", args=[photo.ref]))
        assert (answer.status_code, answer.content) == (200, photos.path_of(photo).read_bytes())
        seen = AuditEvent.objects.filter(action="photo.seen", target_ref=photo.ref, by=client.membership.user)
        assert seen.count() == looks
        assert seen.first().clinic == patient.clinic


@pytest.mark.parametrize(("persona", "status"), [("desk", 403), ("manager", 403), ("stranger", 404), (None, 302)])
def test_nobody_else_sees_it_and_nothing_is_on_record(request, patient, persona, status):
    client, photo = request.getfixturevalue(persona) if persona else Client(), added(patient)
    answer = client.get(reverse("patients:photo", args=[photo.ref]))
    assert answer.status_code == status
    assert b"JFIF" not in answer.content
    assert not AuditEvent.objects.filter(action="photo.seen").exists()


def test_it_is_kept_by_no_browser_and_runs_nothing(clinician, patient):
    answer = clinician.get(reverse("patients:photo", args=[added(patient).ref]))
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == 'inline; filename="photo.jpg"'
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy


def test_a_file_that_is_gone_or_another_one_is_not_shown(clinician, patient):
    photo = added(patient)
    photos.path_of(photo).write_bytes(b"<script>alert(1)</script>")
    assert clinician.get(reverse("patients:photo", args=[photo.ref])).status_code == 404
    photos.path_of(photo).unlink()
    assert clinician.get(reverse("patients:photo", args=[photo.ref])).status_code == 404
    assert not AuditEvent.objects.filter(action="photo.seen").exists()


def test_one_entered_in_error_is_not_shown(clinician, patient):
    photo = added(patient)
    Photo.objects.filter(pk=photo.pk).update(entered_in_error=True, error_reason="Not her")
    assert clinician.get(reverse("patients:photo", args=[photo.ref])).status_code == 404


def test_behind_a_proxy_the_proxy_hands_it_over(clinician, desk, patient):
    photo = added(patient)
    with override_settings(PHOTOS_ACCEL="/behind/photos/"):
        answer = clinician.get(reverse("patients:photo", args=[photo.ref]))
        assert (answer.content, answer.headers["X-Accel-Redirect"]) == (b"", f"/behind/photos/{photo.name}")
        assert desk.get(reverse("patients:photo", args=[photo.ref])).status_code == 403
    assert AuditEvent.objects.filter(action="photo.seen").count() == 1


def test_the_file_has_no_address_of_its_own(clinician, patient):
    photo = added(patient)
    for path in (f"/media/photos/{photo.name}", f"/photos/{photo.name}", f"/static/photos/{photo.name}"):
        assert clinician.get(path).status_code == 404
