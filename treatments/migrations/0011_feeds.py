import uuid

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import clinic.models


class Migration(migrations.Migration):

    dependencies = [
        ('treatments', '0010_calls'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CalendarFeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ref', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('token_sha256', models.CharField(max_length=64, unique=True)),
                ('made_at', models.DateTimeField(db_default=clinic.models.ClinicNow())),
                ('revoked_at', models.DateTimeField(null=True)),
                ('last_read_at', models.DateTimeField(null=True)),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='calendar_feeds', to='clinic.membership')),
                ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-made_at', '-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('revoked_at__isnull', True)), fields=('membership',), name='calendar_feed_one_at_a_time'), models.CheckConstraint(condition=models.Q(models.Q(('revoked_at__isnull', True), ('revoked_by__isnull', True)), models.Q(('revoked_at__isnull', False), ('revoked_by__isnull', False)), _connector='OR'), name='calendar_feed_given_up_says_who')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='calendarfeed',
            trigger=pgtrigger.compiler.Trigger(name='calendar_feed_stays_given_up', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF NEW.token_sha256 <> OLD.token_sha256 OR NEW.membership_id <> OLD.membership_id\n        OR (OLD.revoked_at IS NOT NULL AND (NEW.revoked_at, NEW.revoked_by_id) IS DISTINCT FROM (OLD.revoked_at, OLD.revoked_by_id))\n    THEN\n        RAISE EXCEPTION 'calendar_feed_stays_given_up' USING ERRCODE = 'check_violation', CONSTRAINT = 'calendar_feed_stays_given_up';\n    END IF;\n    RETURN NEW;\n", hash='6edc32266691f8abfa041443bdd391ffd1733df2', operation='UPDATE', pgid='pgtrigger_calendar_feed_stays_given_up_df458', table='treatments_calendarfeed', when='BEFORE')),
        ),
    ]
