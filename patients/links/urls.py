from django.urls import path, register_converter

from patients.links import letter, views


class TokenConverter:
    """What may be a token: long enough that no page of ours is ever taken for one."""

    regex = "[A-Za-z0-9_-]{36,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(TokenConverter, "patient_token")

# Included by patients.urls at my/, whose namespace they share. Nothing but redirects and the answer to a mail program's
# one click stands at an address with a token.
urlpatterns = [
    path("<patient_token:token>/", views.open_link, name="my_link"),
    path("<patient_token:token>/stop/", views.stop_by_mail, name="my_link_stop"),
    path("over/", views.over, name="my_link_over"),
    path("birth/", views.birth, name="my_birth"),
    path("contact/", views.contact, name="my_contact"),
    path("contact/stop/", views.stop, name="my_contact_stop"),
    path("letter/", letter.letter, name="my_letter"),
]
