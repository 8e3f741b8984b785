from django.urls import include, path

from treatments.rules import views

urlpatterns = [
    path("settings/protocol/", views.protocol, name="protocol"),
    path("settings/protocol/adopt/", views.protocol_adopt, name="protocol_adopt"),
    path("settings/protocol/values/<str:path>/", views.policy_value, name="policy_value"),
    path("settings/protocol/values/<str:path>/direction/", views.policy_direction, name="policy_direction"),
    path("settings/protocol/set/<uuid:ref>/end/", views.policy_end, name="policy_end"),
    path("", include("treatments.rules.equipment.urls")),
    path("", include("treatments.rules.products.urls")),
    path("", include("treatments.rules.credentials.urls")),
    path("worklists/rules/<uuid:ref>/done/", views.outcome_seen, name="outcome_seen"),
]
