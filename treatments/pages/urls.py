from django.urls import path

from treatments.pages import chart, gap_page, today, worklists

urlpatterns = [
    path("", today.home, name="home"),
    path("today/", today.today, name="today"),
    path("patients/<uuid:ref>/", chart.chart, name="chart"),
    path("worklists/", worklists.worklists, name="worklists"),
    path("gaps/<uuid:ref>/", gap_page.gap, name="gap"),
    path("gaps/taken/<uuid:ref>/give-back/", gap_page.give_back, name="give_back_gap"),
]
