from django.urls import path

from treatments.appointments.courses import problem_file, views
from treatments.pages.course import following, moving

urlpatterns = [
    path("plans/<uuid:ref>/sessions/book/", views.book_course, name="book_course"),
    path("plans/<uuid:ref>/sessions/problem.json", problem_file.course_problem, name="course_problem"),
    path("plans/<uuid:ref>/sessions/preview/", moving.preview_move, name="preview_move"),
    path("plans/<uuid:ref>/sessions/follows/", following.course_follows, name="course_follows"),
    path("visits/<uuid:ref>/rearrange/", views.rearrange, name="rearrange"),
    path("plans/<uuid:ref>/sessions/put-back/", views.put_back, name="put_back"),
    path("plans/<uuid:ref>/sessions/unbook/", views.unbook_course, name="unbook_course"),
]
