from django.urls import path

from treatments.sessions.lots import views

# Included by treatments.sessions.urls, in the namespace of treatments.
urlpatterns = [
    path("settings/equipment/lots/", views.lots, name="lots"),
    path("settings/equipment/lots/new/", views.lot_new, name="lot_new"),
    path("settings/equipment/lots/<uuid:ref>/", views.lot_change, name="lot_change"),
    path("settings/equipment/lots/<uuid:ref>/out/", views.lot_out, name="lot_out"),
    path("settings/equipment/lots/<uuid:ref>/back/", views.lot_back, name="lot_back"),
    path("settings/equipment/lots/<uuid:ref>/patients/", views.lot_trace, name="lot_trace"),
]
