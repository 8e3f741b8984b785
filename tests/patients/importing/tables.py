"""Every table by a hash of its rows, read by SQL; and the little that an import leaves behind when it is undone."""

from django.apps import apps
from django.db import connection
from pghistory.models import Event

# The audit trail and the histories only ever grow; the record of an import is what says that there was one.
LEFT_BEHIND = {
    "clinic_auditevent",
    "patients_importrun",
    "patients_importedpatient",
    "patients_rememberedcolumns",
} | {model._meta.db_table for model in apps.get_models() if issubclass(model, Event)}


def hashes() -> dict[str, str]:
    """Table to a hash of all its rows, whatever their order."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            if table not in LEFT_BEHIND:
                cursor.execute(
                    f"SELECT md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) FROM \"{table}\" t"
                )
                found[table] = cursor.fetchone()[0]
    return found
