from django.db import migrations, models


class Migration(migrations.Migration):
    """The file that left with a message is kept beside its words."""

    dependencies = [
        ("patients", "0002_message_state_words"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="attachment_name",
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name="message",
            name="attachment_type",
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name="message",
            name="attachment_text",
            field=models.TextField(blank=True),
        ),
    ]
