from django.urls import path

from treatments.rules.products import views

urlpatterns = [
    path("settings/equipment/products/", views.products, name="products"),
    path("settings/equipment/products/new/", views.product_new, name="product_new"),
    path("settings/equipment/products/<uuid:ref>/", views.product_change, name="product_change"),
    path("settings/equipment/products/<uuid:ref>/approve/", views.product_approve, name="product_approve"),
    path("settings/equipment/products/<uuid:ref>/take-back/", views.product_take_back, name="product_take_back"),
    path("settings/equipment/products/<uuid:ref>/use/", views.product_use, name="product_use"),
]
