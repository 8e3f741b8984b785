from django.urls import path

from treatments.rules import views

urlpatterns = [
    path("settings/protocol/", views.protocol, name="protocol"),
    path("settings/equipment/", views.equipment, name="equipment"),
]
