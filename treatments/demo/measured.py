"""What is measured in the demo: melasma that fades and twice darkens, scars that get fewer, what patients say of it."""

from collections.abc import Iterator

from treatments.demo.stories import Story

Measurement = tuple[str, dict[str, int], str]  # form, answers, zone

# Area and darkness of the cheeks and the forehead: before the course, and after each session.
FADING = ((4, 3), (4, 2), (3, 2), (2, 2), (2, 1))
DARKER = (5, 3)
# Counts, as bands, of linear, deep broad, shallow broad and mild scars.
SCARS = ((3, 2, 3, 3), (3, 2, 2, 3), (2, 1, 2, 2), (1, 1, 2, 2), (1, 0, 1, 2))


def before(story: Story) -> Iterator[Measurement]:
    """What is measured when the skin is assessed: what later scores are compared with."""
    yield from _of_the_concern(story, 0)


def after(story: Story, session: int) -> Iterator[Measurement]:
    """What is measured on the day of a session, once it is done."""
    yield "pain_during", {"pain": 2 + (story.number + session) % 4}, story.concern["zones"][0]
    yield from _of_the_concern(story, session)
    if session > 1:
        yield "gais", {"improvement": max(2, 5 - session)}, ""
        yield "satisfaction", {"satisfaction": min(5, 2 + session)}, ""


def darker(story: Story) -> Iterator[Measurement]:
    """Melasma that got worse between two sessions."""
    yield "mmasi", _melasma(*DARKER), ""


def _of_the_concern(story: Story, session: int) -> Iterator[Measurement]:
    if story.concern["code"] == "melasma":
        yield "mmasi", _melasma(*FADING[min(session, len(FADING) - 1)]), ""
    elif story.concern["code"] == "acne_scar_face":
        yield "goodman_baron_quantitative", _scars(*SCARS[min(session, len(SCARS) - 1)]), ""


def _melasma(area: int, darkness: int) -> dict[str, int]:
    regions = {"forehead": (area - 1, darkness), "right_malar": (area, darkness), "left_malar": (area, darkness)}
    regions["chin"] = (1, 1)
    return {
        f"{region}_{part}": value
        for region, looks in regions.items()
        for part, value in zip(("area", "darkness"), looks, strict=True)
    }


def _scars(linear: int, broad_deep: int, broad_shallow: int, mild: int) -> dict[str, int]:
    seen = {"linear": linear, "broad_deep": broad_deep, "broad_shallow": broad_shallow, "mild_dish": mild, "macular": 1}
    others = ("moderate_dish", "punched_out_shallow", "punched_out_deep_normal", "punched_out_deep_abnormal")
    return seen | dict.fromkeys((*others, "papular", "keloidal"), 0)
