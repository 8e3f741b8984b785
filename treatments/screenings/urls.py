from django.urls import path

from treatments.screenings import views

urlpatterns = [
    path("patients/<uuid:ref>/screening/", views.screening, name="screening"),
    path("patients/<uuid:ref>/screening/record/", views.screening_record, name="screening_record"),
    path("patients/<uuid:ref>/day-form/", views.day_form, name="day_form"),
    path("patients/<uuid:ref>/full-form/", views.full_form, name="full_form"),
    path("patients/<uuid:ref>/clearances/new/", views.clearance, name="clearance"),
    path("clearances/<uuid:ref>/revoke/", views.revoke_clearance, name="revoke_clearance"),
]
