"""The path: all its tables at once. A database that has all that `replaces` names is up to date."""

from django.db import migrations

from clinic.migration_operations import CreateTogether
from treatments.migrations import _appointments, _assessments, _outcomes, _plans, _rules, _screenings, _sessions


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('treatments', '0001_initial'),
        ('treatments', '0002_sessions_of_their_own_visit'),
        ('treatments', '0003_policy'),
        ('treatments', '0004_outcomes'),
        ('treatments', '0005_depth_guard'),
        ('treatments', '0006_reviews'),
        ('treatments', '0007_depth_kept'),
        ('treatments', '0008_taken'),
        ('treatments', '0009_clinician_limits'),
        ('treatments', '0010_calls'),
        ('treatments', '0011_feeds'),
        ('treatments', '0012_course_holds'),
        ('treatments', '0013_overlaps'),
        ('treatments', '0014_taken_between'),
        ('treatments', '0015_blocks_as_they_are'),
        ('treatments', '0016_patients_word'),
    ]

    dependencies = [
        ('clinic', '0001_squashed_0003_resources'),
        ('patients', '0001_squashed_0008_guessed_links'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        # A file for each room, in the order of the path: foreign keys point back.
        CreateTogether([
            *_rules.operations,
            *_assessments.operations,
            *_screenings.operations,
            *_plans.operations,
            *_appointments.operations,
            *_sessions.operations,
            *_outcomes.operations,
        ]),
    ]
