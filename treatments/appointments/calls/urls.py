from django.urls import path

from treatments.appointments.calls import views

urlpatterns = [
    path("calls/<slug:list_code>/<uuid:ref>/", views.call, name="call"),
    path("calls/<uuid:ref>/take-back/", views.take_back, name="take_back_call"),
    path("plans/sessions/<uuid:ref>/wait/", views.wait_for_session, name="wait_for_session"),
    path("patients/<uuid:ref>/wait/", views.wait_for_visit, name="wait_for_visit"),
    path("waiting/<uuid:ref>/stop/", views.stop_waiting, name="stop_waiting"),
]
