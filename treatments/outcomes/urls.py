from django.urls import path

from treatments.outcomes import views

urlpatterns = [
    path("patients/<uuid:ref>/scores/", views.scores, name="scores"),
    path("patients/<uuid:ref>/scores/<slug:instrument>/", views.score_new, name="score_new"),
    path("scores/<uuid:ref>/error/", views.score_error, name="score_error"),
    path("course-reviews/<uuid:ref>/", views.course_review, name="course_review"),
]
