from django.urls import path

from treatments.appointments.courses import views

urlpatterns = [
    path("plans/<uuid:ref>/sessions/book/", views.book_course, name="book_course"),
    path("visits/<uuid:ref>/rearrange/", views.rearrange, name="rearrange"),
    path("plans/<uuid:ref>/sessions/put-back/", views.put_back, name="put_back"),
    path("plans/<uuid:ref>/sessions/unbook/", views.unbook_course, name="unbook_course"),
]
