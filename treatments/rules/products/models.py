"""What may be put on needled skin: nothing, until a prescriber of the clinic has said so."""

import pghistory
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from clinic.models import Clinic, RefModel, User

# What speaks against a product on open skin, with the sources of the rule (conflict register, C-17): by default no.
DOUBTS = {
    "vitamin_c": "Vitamin C: lumps in the skin (granulomas) have been reported mostly after it was put on needled skin (L15, L16, L17).",
    "fragrance": "Fragrance: by default not for 72 hours. Needling devices are not cleared for carrying cosmetics into the skin (R1, M2).",
    "tinted": "Tinted: by default not for 72 hours. Needling devices are not cleared for carrying cosmetics into the skin (R1, M2).",
}
WITHIN = {"vitamin_c": "with vitamin C", "fragrance": "with fragrance", "tinted": "tinted"}


@pghistory.track(append_only=True)
class SkinProduct(RefModel):
    """A serum, gel or cream. `approved_at` is empty until a prescriber lets it on needled skin; history keeps every change."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="skin_products")
    name = models.CharField(max_length=80)
    maker = models.CharField(max_length=80, blank=True)
    vitamin_c = models.BooleanField(default=False)
    fragrance = models.BooleanField(default=False)
    tinted = models.BooleanField(default=False)
    in_use = models.BooleanField(default=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # Why it is approved, or why the approval was taken back.
    reason = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint("clinic", Lower("name"), name="skin_product_name_once"),
            models.CheckConstraint(
                name="skin_product_approved_says_who",
                condition=Q(approved_at=None, approved_by=None)
                | Q(approved_at__isnull=False, approved_by__isnull=False),
            ),
            models.CheckConstraint(
                name="skin_product_in_doubt_says_why",
                condition=Q(approved_at=None)
                | Q(vitamin_c=False, fragrance=False, tinted=False)
                | Q(reason__regex=r"\S"),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_approved(self) -> bool:
        return self.approved_at is not None

    @property
    def described(self) -> str:
        """What it is, in one line: an approval is given for just this."""
        within = [words for field, words in WITHIN.items() if getattr(self, field)]
        return f"{self.name}, {self.maker or 'maker not entered'}, {' and '.join(within) or 'no doubtful contents'}"

    @property
    def doubts(self) -> list[str]:
        """What speaks against it, in sentences with their sources."""
        return [sentence for field, sentence in DOUBTS.items() if getattr(self, field)]
