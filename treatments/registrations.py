"""What the rooms hand to the ground below them when the app is ready."""

from treatments import sentences


def register_all() -> None:
    sentences.register()
