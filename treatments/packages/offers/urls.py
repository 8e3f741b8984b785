from django.urls import path

from treatments.packages.offers import views

# Included by treatments.packages.urls, in the namespace of treatments.
urlpatterns = [
    path("settings/packages/", views.packages, name="packages"),
    path("settings/packages/new/", views.package_offer_new, name="package_offer_new"),
    path("settings/packages/policy/", views.package_policy, name="package_policy"),
    path("settings/packages/<uuid:ref>/", views.package_offer_change, name="package_offer_change"),
    path("settings/packages/<uuid:ref>/sale/", views.package_offer_use, name="package_offer_use"),
]
