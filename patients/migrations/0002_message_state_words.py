from django.db import migrations, models


class Migration(migrations.Migration):
    """Words of two states; the table stays as it is."""

    dependencies = [
        ("patients", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="message",
            name="state",
            field=models.CharField(
                choices=[
                    ("due", "Will go"),
                    ("held", "Held"),
                    ("sending", "Leaving now"),
                    ("sent", "Went"),
                    ("delivered", "Delivered"),
                    ("unknown", "Unknown"),
                    ("needs_person", "Needs a person"),
                    ("cancelled", "Cancelled"),
                    ("suppressed", "Not sent"),
                    ("expired", "Too late"),
                    ("failed", "Did not go"),
                    ("bounced", "Bounced"),
                    ("complained", "Marked as spam"),
                ],
                default="due",
                max_length=14,
            ),
        ),
    ]
