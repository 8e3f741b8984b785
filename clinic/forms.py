from zoneinfo import available_timezones

from crispy_forms.helper import FormHelper
from django import forms

from clinic.models import Clinic

ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "posix", "right")))


def page_form_helper() -> FormHelper:
    """Fields only: the page brings the form element, its token and its buttons."""
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    return helper


class ClinicForm(forms.ModelForm):
    class Meta:
        model = Clinic
        fields = [
            "name", "sender_name", "zone", "address", "phone", "urgent_phone", "emergency_number", "reply_to",
            "quiet_from", "quiet_until",
        ]  # fmt: skip
        labels = {
            "sender_name": "Sender of mails",
            "urgent_phone": "Urgent number",
            "emergency_number": "Emergency number",
            "quiet_from": "No mails from",
            "quiet_until": "until",
        }
        help_texts = {
            "sender_name": "Shown on a lock screen: choose a name that says nothing about a treatment.",
            "urgent_phone": "Printed on every aftercare message.",
            "reply_to": "Somebody must read this mailbox: patients reply to it when something is wrong.",
        }
        widgets = {
            "zone": forms.Select(choices=[(zone, zone) for zone in ZONES]),
            "quiet_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.helper = page_form_helper()
