from django.urls import path

from treatments.rules.equipment import views

urlpatterns = [
    path("settings/equipment/", views.equipment, name="equipment"),
    path("settings/equipment/devices/new/", views.device_new, name="device_new"),
    path("settings/equipment/devices/<uuid:ref>/", views.device_change, name="device_change"),
    path("settings/equipment/devices/<uuid:ref>/out/", views.device_out, name="device_out"),
    path("settings/equipment/devices/<uuid:ref>/back/", views.device_back, name="device_back"),
    path("settings/equipment/numbing/new/", views.anaesthetic_new, name="anaesthetic_new"),
    path("settings/equipment/numbing/<uuid:ref>/", views.anaesthetic_change, name="anaesthetic_change"),
    path("settings/equipment/numbing/<uuid:ref>/use/", views.anaesthetic_use, name="anaesthetic_use"),
]
