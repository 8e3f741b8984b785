"""What a clinic has made of a shipped text. Versions are only added: a letter that was sent names the one it was written by."""

import pgtrigger
from django.db import models
from django.db.models import Q

from clinic.models import Clinic, ClinicNow, RefModel, User


@pgtrigger.register(
    pgtrigger.Protect(name="message_text_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
)
class MessageText(RefModel):
    """One version of one text of a clinic, in one language. The newest counts; an empty `source` is the shipped text again."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="message_texts")
    # The shipped file's name without its ending: several kinds of message may share a text.
    code = models.CharField(max_length=40)
    language = models.CharField(max_length=12)
    # Counts from 1001, and shipped versions end below it: a number never means two texts.
    version = models.PositiveIntegerField()
    source = models.TextField(blank=True)
    # Which shipped version it was written from: a newer release may say something that this one does not.
    shipped_version = models.PositiveIntegerField()
    why = models.CharField(max_length=200)
    made_at = models.DateTimeField(db_default=ClinicNow())
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "code", "language", "version"], name="message_text_version_once"),
            models.CheckConstraint(name="message_text_says_why", condition=~Q(why="")),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.language}), version {self.version}"
