from django.urls import path

from treatments.pages import (
    change_calls,
    chart,
    check_ins,
    closing,
    consent_texts,
    heard,
    merging,
    move_calls,
    papers,
    setup,
)
from treatments.pages.calendar import views as calendar
from treatments.pages.patient import aftercare as her_aftercare
from treatments.pages.patient import changes as her_changes
from treatments.pages.patient import check_in as her_check_in
from treatments.pages.patient import move as her_move
from treatments.pages.patient import tablet as her_tablet
from treatments.pages.patient import visit as her_visit
from treatments.pages.tablet import given_form, hand_over
from treatments.pages.today import day_sheet, gap_page
from treatments.pages.today import page as today
from treatments.pages.worklists import page as worklists

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
    path("patients/<uuid:ref>/card/", papers.appointment_card, name="appointment_card"),
    path("sessions/<uuid:ref>/aftercare/", papers.aftercare_sheet, name="aftercare_sheet"),
    path("patients/<uuid:ref>/close/", closing.close_record, name="close_record"),
    path("patients/<uuid:ref>/reopen/", closing.reopen_record, name="reopen_record"),
    path("patients/<uuid:ref>/duplicate/", merging.find_duplicate, name="find_duplicate"),
    path("patients/<uuid:ref>/duplicate/<uuid:of>/", merging.merge_records, name="merge_records"),
    path("merges/<uuid:ref>/undo/", merging.undo_merge, name="undo_merge"),
    # A tablet in her hands: given to her, and what came of it
    path("patients/<uuid:ref>/hand-over/", hand_over.hand_over, name="hand_over"),
    path("hand-overs/<uuid:ref>/", hand_over.handover, name="handover"),
    path("own-answers/<uuid:ref>/", given_form.given_form, name="given_form"),
    path("visits/<uuid:ref>/heard/", heard.heard, name="heard"),
    # /handed-over/: all that a browser reaches while it is hers
    path("handed-over/", her_tablet.handed_over, name="handed_over"),
    path("handed-over/save/", her_tablet.handed_over_save, name="handed_over_save"),
    path("handed-over/anew/", her_tablet.handed_over_anew, name="handed_over_anew"),
    path("handed-over/back/", her_tablet.handed_over_back, name="handed_over_back"),
    path("settings/getting-started/", setup.getting_started, name="getting_started"),
    path("worklists/", worklists.worklists, name="worklists"),
    path("worklists/answers/<uuid:ref>/", change_calls.change_report, name="change_report"),
    path("worklists/answers/<uuid:ref>/seen/", change_calls.change_report_seen, name="change_report_seen"),
    path("worklists/moves/<uuid:ref>/", move_calls.move_request, name="move_request"),
    path("worklists/moves/<uuid:ref>/keep/", move_calls.move_request_keep, name="move_request_keep"),
    # /settings/consent/
    path("settings/consent/", consent_texts.consent_texts, name="consent_texts"),
    path("settings/consent/<slug:language>/new/", consent_texts.consent_text_new, name="consent_text_new"),
    path("settings/consent/versions/<uuid:ref>/", consent_texts.consent_text, name="consent_text"),
    path(
        "settings/consent/versions/<uuid:ref>/approve/", consent_texts.consent_text_approve, name="consent_text_approve"
    ),
    path("settings/consent/versions/<uuid:ref>/aside/", consent_texts.consent_text_aside, name="consent_text_aside"),
    # /my/: what patients open from mails
    path("my/visit/", her_visit.visit, name="my_visit"),
    path("my/visit/confirm/", her_visit.confirm, name="my_visit_confirm"),
    path("my/visit/calendar/", her_visit.calendar, name="my_visit_calendar"),
    path("my/visit/move/", her_move.move, name="my_move"),
    path("my/changes/", her_changes.changes, name="my_changes"),
    path("my/changes/tell/", her_changes.tell, name="my_changes_tell"),
    path("my/aftercare/", her_aftercare.day, name="my_aftercare"),
    path("my/aftercare/confirm/", her_aftercare.confirm, name="my_aftercare_confirm"),
    path("my/aftercare/move/", her_aftercare.move, name="my_aftercare_move"),
    path("my/check-in/", her_check_in.check_in, name="my_check_in"),
    # /check-ins/<ref>/
    path("check-ins/<uuid:ref>/", check_ins.check_in, name="check_in"),
    path("sessions/<uuid:ref>/check-in/", check_ins.ask_check_in, name="ask_check_in"),
    path("gaps/<uuid:ref>/", gap_page.gap, name="gap"),
    path("gaps/taken/<uuid:ref>/give-back/<uuid:visit_ref>/<int:version>/", gap_page.give_back, name="give_back_gap"),
]
