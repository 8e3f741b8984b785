import pytest
from django.urls import reverse
from tests import factories
pytestmark = pytest.mark.django_db

def test_pages(patient, prescriber, desk, manager, tmp_path):
    def get(client, name, *args, q=""):
        r = client.get(reverse(f"treatments:{name}", args=args) + q)
        print(name, q, r.status_code, len(r.content))
        return r
    for name in ("screening", "day_form", "full_form", "clearance", "assess", "plan_new"):
        assert get(prescriber, name, patient.ref).status_code == 200
    get(desk, "screening", patient.ref); get(manager, "screening", patient.ref)
    factories.answer_all(patient, hsv_history="yes", isotretinoin_past="not_sure", smoking="yes")
    factories.answer(patient, "laser_ipl", "yes", on=factories.TODAY - factories.in_days(10))
    plan = factories.make_draft(patient)
    for q in ("", "?all=1", "?on=2027-03-12&for=booking", "?on=9999-12-31", "?on=banana&for=x"):
        get(prescriber, "screening", patient.ref, q=q); get(desk, "screening", patient.ref, q=q)
    for name in ("clearance", "assess", "plan_new"): get(prescriber, name, patient.ref)
    for name in ("course", "consent", "plan_stop"): get(prescriber, name, plan.ref)
    get(desk, "course", plan.ref)
    get(prescriber, "protocol"); get(prescriber, "equipment")
    for u in ("/settings/", "/settings/clinic/", "/mailbox/"): print(u, manager.get(u).status_code)
