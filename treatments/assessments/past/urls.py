from django.urls import path

from treatments.assessments.past import views

urlpatterns = [
    path("patients/<uuid:ref>/past-sessions/", views.past_sessions, name="past_sessions"),
    path("past-sessions/<uuid:ref>/correct/", views.past_session_correct, name="past_session_correct"),
    path("past-sessions/<uuid:ref>/error/", views.past_session_error, name="past_session_error"),
]
