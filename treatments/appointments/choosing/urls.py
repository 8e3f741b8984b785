from django.urls import path

from treatments.appointments.choosing import views

urlpatterns = [
    path("plans/sessions/<uuid:ref>/book/", views.book, name="book"),
    path("patients/<uuid:ref>/book/", views.book_visit, name="book_visit"),
    path("patients/<uuid:ref>/walk-in/", views.walk_in, name="walk_in"),
    path("visits/<uuid:ref>/move/", views.move_visit, name="move_visit"),
]
