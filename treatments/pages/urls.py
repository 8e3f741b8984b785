from django.urls import path

from treatments.pages import chart, day_sheet, gap_page, today, worklists
from treatments.pages.calendar import views as calendar
from treatments.pages.patient import visit as her_visit

urlpatterns = [
    path("", today.home, name="home"),
    path("today/", today.today, name="today"),
    path("today/visits.json", calendar.visits_json, name="visits_json"),
    path("visits/<uuid:ref>/drop/", calendar.drop_visit, name="drop_visit"),
    path("visits/<uuid:ref>/next-mail/", today.next_mail, name="next_mail"),
    path("calendar/", calendar.week, name="calendar"),
    path("calendar/visits.json", calendar.week_json, name="calendar_json"),
    path("today/sheet/", day_sheet.day_sheet, name="day_sheet"),
    path("patients/<uuid:ref>/", chart.chart, name="chart"),
    path("worklists/", worklists.worklists, name="worklists"),
    # /my/: what patients open from mails
    path("my/visit/", her_visit.visit, name="my_visit"),
    path("my/visit/confirm/", her_visit.confirm, name="my_visit_confirm"),
    path("my/visit/calendar/", her_visit.calendar, name="my_visit_calendar"),
    path("gaps/<uuid:ref>/", gap_page.gap, name="gap"),
    path("gaps/taken/<uuid:ref>/give-back/<uuid:visit_ref>/<int:version>/", gap_page.give_back, name="give_back_gap"),
]
