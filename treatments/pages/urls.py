from django.urls import path

from treatments.pages import chart, today, worklists

urlpatterns = [
    path("", today.home, name="home"),
    path("today/", today.today, name="today"),
    path("patients/<uuid:ref>/", chart.chart, name="chart"),
    path("worklists/", worklists.worklists, name="worklists"),
]
