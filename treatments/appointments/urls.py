from django.urls import include, path

from treatments.appointments import views

urlpatterns = [
    # /visits/<ref>/
    path("visits/<uuid:ref>/", views.visit, name="visit"),
    path("visits/<uuid:ref>/step/", views.step_visit, name="step_visit"),
    path("visits/<uuid:ref>/undo/", views.undo_visit, name="undo_visit"),
    path("visits/<uuid:ref>/missed/", views.miss_visit, name="miss_visit"),
    path("visits/<uuid:ref>/cancel/", views.cancel_visit, name="cancel_visit"),
    path("visits/<uuid:ref>/unbook/", views.unbook_visit, name="unbook_visit"),
    path("visits/<uuid:ref>/move-back/", views.move_visit_back, name="move_visit_back"),
    # /calendar/
    path("calendar/", include("treatments.appointments.feeds.urls")),
    path("", include("treatments.appointments.calls.urls")),
    path("", include("treatments.appointments.choosing.urls")),
    path("", include("treatments.appointments.courses.urls")),
    path("", include("treatments.appointments.overlaps.urls")),
]
