from django.urls import path

from treatments.pages.course import changes as course_changes
from treatments.plans import views

urlpatterns = [
    path("patients/<uuid:ref>/plans/new/", views.plan_new, name="plan_new"),
    path("plans/<uuid:ref>/", views.course, name="course"),
    path("plans/<uuid:ref>/pause/", course_changes.course_pause, name="course_pause"),
    path("plans/<uuid:ref>/go-on/", course_changes.course_resume, name="course_resume"),
    path("plans/<uuid:ref>/shorter/", course_changes.course_shorten, name="course_shorten"),
    path("plans/<uuid:ref>/longer/", course_changes.course_extend, name="course_extend"),
    path("plans/<uuid:ref>/replace/", course_changes.course_replace, name="course_replace"),
    path("plans/<uuid:ref>/stop/", course_changes.plan_stop, name="plan_stop"),
    path("plans/changes/<uuid:ref>/undo/", course_changes.course_undo, name="course_undo"),
    path("plans/<uuid:ref>/consent/", views.consent, name="consent"),
    path("plans/<uuid:ref>/<slug:step>/", views.plan_step, name="plan_step"),
    path("consents/<uuid:ref>/", views.consent_signed, name="consent_signed"),
    path("consents/<uuid:ref>/withdraw/", views.consent_withdraw, name="consent_withdraw"),
]
