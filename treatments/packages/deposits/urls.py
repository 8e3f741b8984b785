from django.urls import path

from treatments.packages.deposits import views

# Included by treatments.packages.urls, in the namespace of treatments.
urlpatterns = [
    path("visits/<uuid:ref>/deposit/", views.deposit_take, name="deposit_take"),
    path("deposits/<uuid:ref>/", views.deposit_settle, name="deposit_settle"),
    path("till/", views.till, name="till"),
]
