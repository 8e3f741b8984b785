"""Folded migrations: a database that has all of the old ones is up to date, one that has some is told what to do."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, migrations, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from clinic import health
from clinic.left_behind import left_behind
from clinic.migration_operations import CreateTogether

pytestmark = pytest.mark.django_db

# What the databases of earlier versions have on record.
EARLIER = {
    "clinic": ["0001_initial", "0002_rules_version", "0003_resources"],
    "patients": [
        "0001_initial",
        "0002_message_state_words",
        "0003_message_attachment",
        "0004_patient_links",
        "0005_texts_and_photos",
        "0006_message_indexes",
        "0007_fewer_indexes",
        "0008_guessed_links",
    ],
    "treatments": [
        "0001_initial",
        "0002_sessions_of_their_own_visit",
        "0003_policy",
        "0004_outcomes",
        "0005_depth_guard",
        "0006_reviews",
        "0007_depth_kept",
        "0008_taken",
        "0009_clinician_limits",
        "0010_calls",
        "0011_feeds",
        "0012_course_holds",
        "0013_overlaps",
        "0014_taken_between",
        "0015_blocks_as_they_are",
        "0016_patients_word",
    ],
}


@pytest.fixture(autouse=True)
def _ask_anew():
    health.migrations_are_applied.cache_clear()
    yield
    health.migrations_are_applied.cache_clear()


def recorded_by_earlier_versions(earlier):
    """Makes this a database that earlier versions migrated: `earlier` names the migrations of each app it has had. What came
    after the folded ones is on record where those were."""
    since = since_they_were_folded() if earlier else []
    MigrationRecorder.Migration.objects.filter(app__in=EARLIER).delete()
    for app, name in [*((app, name) for app, names in earlier.items() for name in names), *since]:
        MigrationRecorder.Migration.objects.create(app=app, name=name)


def since_they_were_folded():
    loader = MigrationExecutor(connection).loader
    folded = set(loader.replacements) | {(app, name) for app, names in EARLIER.items() for name in names}
    return sorted(key for key in loader.disk_migrations if key[0] in EARLIER and key not in folded)


def waiting():
    executor = MigrationExecutor(connection)
    return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def test_a_database_with_all_the_old_migrations_is_up_to_date(client, capsys):
    recorded_by_earlier_versions(EARLIER)
    assert waiting() == []
    assert client.get("/healthz").status_code == 200
    call_command("migrate")
    assert "No migrations to apply." in capsys.readouterr().out
    now = set(MigrationRecorder.Migration.objects.values_list("app", "name"))
    assert set(MigrationExecutor(connection).loader.replacements) < now


@pytest.mark.parametrize("app", EARLIER)
@pytest.mark.parametrize("had", [1, -1])
def test_a_database_with_some_of_the_old_migrations_is_told_what_to_do(client, monkeypatch, app, had):
    monkeypatch.setenv("DEMO", "0")
    names = EARLIER[app]
    recorded_by_earlier_versions({**EARLIER, app: names[:had]})
    for command in ("migrate", "prepare"):
        with pytest.raises(CommandError) as refused:
            call_command(command)
        assert f"stopped before {app}.{names[had]}" in str(refused.value)
        assert f"the last version that has {app}/migrations/{names[-1]}.py" in str(refused.value)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["missing"]) == (503, "migrations")


def test_a_database_without_any_of_them_starts_with_the_new_ones():
    recorded_by_earlier_versions({})
    loader = MigrationExecutor(connection).loader
    assert left_behind(loader) is None
    new = [(migration.app_label, migration.name) for migration in waiting()]
    assert [one for one in new if one in loader.replacements] == sorted(loader.replacements)
    assert not [name for app, name in new if name in EARLIER[app]]


def test_only_models_that_are_made_whole_are_made_together():
    with pytest.raises(TypeError, match="Add field name to room"):
        CreateTogether([migrations.AddField("room", "name", None)])


def test_what_is_made_together_leaves_nothing_for_after_the_migration():
    before = MigrationExecutor(connection).loader.project_state()
    key = models.ForeignKey("clinic.Room", on_delete=models.PROTECT, related_name="+")
    made = CreateTogether(
        [migrations.CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True)), ("room", key)])]
    )
    after = before.clone()
    made.state_forwards("clinic", after)
    with connection.schema_editor() as editor:
        made.database_forwards("clinic", editor, before, after)
        assert editor.deferred_sql == []
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "clinic_shelf").values()
    assert [one["foreign_key"] for one in found if one["foreign_key"]] == [("clinic_room", "id")]
