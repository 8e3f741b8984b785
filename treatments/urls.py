"""Gathers the rooms' URLs, in the order of the patient's path."""

from django.urls import include, path

app_name = "treatments"
ROOMS = ("rules", "assessments", "screenings", "plans", "appointments", "sessions", "outcomes", "packages", "pages")

urlpatterns = [path("", include(f"treatments.{room}.urls")) for room in ROOMS]
