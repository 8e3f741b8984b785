from django.urls import path

from treatments.plans import views

urlpatterns = [
    path("patients/<uuid:ref>/plans/new/", views.plan_new, name="plan_new"),
    path("plans/<uuid:ref>/", views.course, name="course"),
    path("plans/<uuid:ref>/stop/", views.plan_stop, name="plan_stop"),
    path("plans/<uuid:ref>/consent/", views.consent, name="consent"),
    path("plans/<uuid:ref>/<slug:step>/", views.plan_step, name="plan_step"),
    path("consents/<uuid:ref>/", views.consent_signed, name="consent_signed"),
    path("consents/<uuid:ref>/withdraw/", views.consent_withdraw, name="consent_withdraw"),
]
