from django.urls import path

from treatments.appointments.overlaps import views

urlpatterns = [
    path("plans/sessions/<uuid:ref>/book/beside/", views.book_beside, name="book_beside"),
    path("patients/<uuid:ref>/book/beside/", views.book_visit_beside, name="book_visit_beside"),
    path("visits/<uuid:ref>/move/beside/", views.move_beside, name="move_beside"),
]
