from django.urls import reverse
def test_pages(clinician, open_session):
    for step in ("check","treat","note","finish"):
        r = clinician.get(reverse("treatments:session", args=[open_session.ref])+f"?step={step}")
        assert r.status_code == 200
def test_signed(clinician, done_session):
    r = clinician.get(reverse("treatments:session", args=[done_session.ref]))
    assert r.status_code == 200
def test_open(clinician, visit_today):
    r = clinician.get(reverse("treatments:open_session", args=[visit_today.ref]))
    assert r.status_code == 200
