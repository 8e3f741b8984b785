from django.urls import path

from treatments.rules.credentials import views

urlpatterns = [
    path("settings/credentials/", views.credentials, name="credentials"),
    path("settings/people/<uuid:ref>/credentials/", views.credentials_of, name="credentials_of"),
    path("settings/people/<uuid:ref>/credentials/new/", views.credential_new, name="credential_new"),
    path("settings/credentials/<uuid:ref>/", views.credential_change, name="credential_change"),
    path("settings/credentials/<uuid:ref>/withdraw/", views.credential_withdraw, name="credential_withdraw"),
]
