"""Draws a picture anew from its pixels, in a process of its own: `photos.py` starts this file as a program.

What comes in was made by anybody. So this imports nothing of ours, limits its own memory and time before it looks at the
first byte, and only ever answers with a JPEG that Pillow has written from raw pixels. In: the file on standard input.
Out: `width height` and a line break, then the JPEG; or an exit code of `photos.REFUSALS`.
"""

import contextlib
import io
import resource
import sys

MOST_PIXELS = 40_000_000
KEPT_PX = 1600
QUALITY = 88
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 8
NOT_A_PICTURE, TOO_MANY_PIXELS = 3, 4
FORMATS = ("JPEG", "PNG", "WEBP")


def limit() -> None:
    """No more memory than a picture of the largest size needs, little time, and no file at all."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def redrawn(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and bytes of the same picture, upright, at most KEPT_PX long, with nothing in it but pixels.

    Raises OSError, ValueError and whatever else Pillow meets in a broken file, and TooLarge before anything is decoded.
    """
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # the limit is our own, right below
    with Image.open(io.BytesIO(data), formats=FORMATS) as found:
        if found.width * found.height > MOST_PIXELS:
            raise TooLarge
        # JPEG is decoded at a fraction of its size where that is enough.
        found.draft("RGB", (KEPT_PX, KEPT_PX))
        found.load()
        picture = ImageOps.exif_transpose(found)
        picture.thumbnail((KEPT_PX, KEPT_PX), Image.Resampling.LANCZOS)
    plain = _on_white(_in_usual_colours(picture))
    clean = Image.frombytes("RGB", plain.size, plain.tobytes())
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=QUALITY)
    return *clean.size, out.getvalue()


class TooLarge(Exception):
    pass


def _in_usual_colours(picture):
    """Telephones write wide colours: without their profile, red skin would look less red than it is."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode != "RGB":
        return picture
    from PIL import ImageCms

    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
        return ImageCms.profileToProfile(
            picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        )
    return picture


def _on_white(picture):
    """Without transparency, which a JPEG cannot have."""
    from PIL import Image

    if picture.mode == "RGB":
        return picture
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")


def main() -> int:
    limit()
    try:
        width, height, jpeg = redrawn(sys.stdin.buffer.read())
    except TooLarge:
        return TOO_MANY_PIXELS
    except Exception:  # whatever is wrong with it, it is no picture of ours; the parent says so in words
        return NOT_A_PICTURE
    sys.stdout.buffer.write(b"%d %d\n" % (width, height) + jpeg)
    return 0


if __name__ == "__main__":
    sys.exit(main())
