"""Databases that an older version left in the middle of its migrations.

Our migrations are folded from time to time: one for each app makes at once what many made before, and names them in
`replaces`. A database that has them all is up to date. One that has some of them would look so too, because Django
leaves a migration out that is replaced by halves, and finds nothing to do.
"""

from django.db.migrations.loader import MigrationLoader


def left_behind(loader: MigrationLoader) -> str | None:
    """What to do about a database that has some of the folded migrations and not all; None when there is nothing to do."""
    for _, folded in sorted(loader.replacements.items()):
        missing = [name for name in folded.replaces if name not in loader.applied_migrations]
        if 0 < len(missing) < len(folded.replaces):
            app, first = missing[0]
            last = folded.replaces[-1][1]
            return (
                f"This database stopped before {app}.{first}, a migration that this version no longer has: run `migrate` "
                f"with the last version that has {app}/migrations/{last}.py, and then with this one."
            )
    return None
