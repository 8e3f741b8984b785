from django.urls import include, path

from treatments.packages import views

urlpatterns = [
    path("patients/<uuid:ref>/packages/", views.patient_packages, name="patient_packages"),
    path("patients/<uuid:ref>/packages/sell/", views.package_sell, name="package_sell"),
    path("packages/<uuid:ref>/extend/", views.package_extend, name="package_extend"),
    path("packages/<uuid:ref>/refund/", views.package_refund, name="package_refund"),
    path("packages/entries/<uuid:ref>/give-back/", views.package_give_back, name="package_give_back"),
    path("visits/<uuid:ref>/package/", views.package_burn, name="package_burn"),
    path("sessions/<uuid:ref>/package/", views.session_settle, name="session_settle"),
    path("", include("treatments.packages.offers.urls")),
    path("", include("treatments.packages.deposits.urls")),
]
