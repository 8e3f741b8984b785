"""What goes wrong here is told to whoever stands at the terminal."""


class CannotKeep(Exception):
    """A backup or a restore that cannot be done; the text is a sentence that says what to do."""


class Damaged(CannotKeep):
    """A file that is not what was kept."""
