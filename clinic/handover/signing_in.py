"""The lock of a browser that came back: a sign-in like any other, with the same limits and the same second step.

Whoever handed it over was signed out then, so nothing of her session is left that a password alone could reopen. Where she
has a passkey, that is one touch.
"""

from allauth.account.forms import LoginForm
from allauth.account.views import LoginView
from django.http import HttpResponse


class UnlockForm(LoginForm):
    """The password of whoever handed it over; a colleague gives her e-mail beside her own."""

    def __init__(self, *args, handover, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.handover = handover
        login, password = self.fields["login"], self.fields["password"]
        # Her address is written nowhere on a page that the patient sees.
        login.required = False
        login.label = "E-mail, if somebody else unlocks it"
        login.widget.attrs.pop("placeholder", None)
        login.widget.attrs["autocomplete"] = "off"
        password.label = f"Password of {handover.by}, or your own"
        password.help_text = ""
        password.widget.attrs |= {"autocomplete": "off", "placeholder": ""}
        password.error_messages["required"] = "Enter the password."
        self.order_fields(["password", "login"])

    def clean_login(self) -> str:
        return super().clean_login() or self.handover.by.email


class UnlockView(LoginView):
    form_class = UnlockForm
    template_name = "clinic/handover/lock.html"

    def get_form_kwargs(self) -> dict:
        return super().get_form_kwargs() | {"handover": self.request.handover}

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(**kwargs) | {"handover": self.request.handover}

    def form_invalid(self, form: UnlockForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)
