from django.urls import include, path

from treatments.assessments import views

urlpatterns = [
    path("patients/<uuid:ref>/assess/", views.assess, name="assess"),
    path("assessments/<uuid:ref>/error/", views.assessment_error, name="assessment_error"),
    path("", include("treatments.assessments.past.urls")),
]
