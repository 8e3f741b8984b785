"""Drawing a depth: strata on the face, the gauge, the numbing clock, the arrow of a move. Geometry only, no clinical rule."""

import math

from django import template

from clinic.templatetags.clinic_ui import mm, mm_words

register = template.Library()

# Depth is drawn in six strata; on the gauge each is a sixth of the scale, on the face a quarter of a millimetre.
STRATA = 6
STRATUM_MM = 0.25
# From this stratum on figures stand in the light ink.
DEEP_STRATUM = 5
GAUGE_TOP, GAUGE_HEIGHT = 18, 198


@register.filter
def depth_step(depth_mm) -> int:
    """The stratum of a depth, 1 (shallow) to 6."""
    return min(STRATA, max(1, math.ceil(float(depth_mm) / STRATUM_MM - 1e-9)))


@register.simple_tag
def gauge(depth_mm=None, last_mm=None, cap_mm=None) -> dict:
    """Heights on the depth gauge. Its scale reaches 1.5 mm, or 3.0 where a cap or a depth lies below that."""
    deepest = max((float(value) for value in (depth_mm, last_mm, cap_mm) if value not in (None, "")), default=0)
    scale_mm = 1.5 if deepest <= 1.5 else 3.0

    def y(value) -> float | None:
        return None if value in (None, "") else round(GAUGE_TOP + float(value) / scale_mm * GAUGE_HEIGHT, 1)

    spoken = [f"depth today {mm_words(depth_mm)}"] if depth_mm not in (None, "") else ["no depth set yet"]
    spoken += [f"last time {mm_words(last_mm)}"] if last_mm not in (None, "") else []
    spoken += [f"device cap {mm_words(cap_mm)}"] if cap_mm not in (None, "") else []
    return {
        "marks": [{"y": y(scale_mm * third / 3), "text": mm(scale_mm * third / 3)} for third in range(4)],
        "needles": (79, 91, 103),
        "depth_y": y(depth_mm),
        "last_y": y(last_mm),
        "cap_y": y(cap_mm),
        "spoken": ", ".join(spoken).capitalize(),
    }


@register.simple_tag
def numbing_face(numbing: dict | None) -> dict:
    """What the numbing clock shows as the page is drawn; a module counts on from there."""
    if not numbing:
        return {}
    seconds = max(0, int((numbing["now"] - numbing["started_at"]).total_seconds()))
    off_minutes = numbing.get("off_minutes")
    over = off_minutes is not None and seconds > off_minutes * 60
    ready = seconds >= numbing["minutes"] * 60
    return {
        "elapsed": f"{seconds // 60}:{seconds % 60:02d}",
        "arc": round(min(seconds / 60, numbing["minutes"]), 1),
        "state": "over" if over else "ready" if ready else "",
    }


@register.filter
def lower_by(y, amount) -> float:
    """SVG text stands on its baseline, which lies below the middle of its line."""
    return round(float(y) + float(amount), 1)


@register.simple_tag
def move_arrow(from_x: float, to_x: float) -> str:
    """Path of the arrow from a block's former place to its new one, over the row (row coordinates)."""
    start, end = float(from_x), float(to_x)
    bend = (end - start) / 3
    head = -7 if end >= start else 7
    return (
        f"M{start:.1f} 24C{start + bend / 2:.1f} 8 {end - bend / 2:.1f} 8 {end:.1f} 20"
        f"m{head:.1f} -3l{-head:.1f} 3l{-head / 7:.1f} -7.5"
    )


@register.filter
def zone_paint(zone: dict) -> str:
    """Classes of a zone's shape: its stratum once set, dashed while it waits, edged while it is chosen."""
    depth = zone.get("depth_mm")
    fill = f"zone d{depth_step(depth)}" if depth not in (None, "") else "todo"
    return f"{fill} picked" if zone.get("picked") else fill


@register.filter
def zone_ink(zone: dict) -> str:
    depth = zone.get("depth_mm")
    if depth in (None, ""):
        return "grey"
    return "on-deep" if depth_step(depth) >= DEEP_STRATUM else "on-shallow"


@register.filter
def zone_depth(zone: dict) -> str:
    """Today's depth, or last time's (drawn grey) until today's is set."""
    today = zone.get("depth_mm")
    return mm(today if today not in (None, "") else zone.get("last_mm"))


@register.filter
def zone_spoken(zone: dict) -> str:
    """Name, depth and state aloud: "Cheeks, 1.25 millimetres, chosen"."""
    depth, last = zone.get("depth_mm"), zone.get("last_mm")
    said = [str(zone["label"])]
    if depth not in (None, ""):
        said.append(f"{mm(depth)} millimetres")
    elif last not in (None, ""):
        said.append(f"{mm(last)} last time")
    said.append("chosen" if zone.get("picked") else "set" if zone.get("state") == "set" else "not set")
    return ", ".join(said)
