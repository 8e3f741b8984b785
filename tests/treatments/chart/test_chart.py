from django.urls import reverse
from django.test.utils import CaptureQueriesContext
from django.db import connection
def test_pages(clinician, desk, manager, done_session):
    for c in (clinician, desk, manager):
      with CaptureQueriesContext(connection) as q:
        r = c.get(reverse("treatments:chart", args=[done_session.patient.ref]))
      assert r.status_code == 200
      print(len(q.captured_queries))
      if c is clinician:
        for x in q.captured_queries: print("   ", x["sql"][:90].replace("\n"," "), "...", x["sql"][-150:].replace("\n"," "))
    import re
    print(re.sub(r"\s+"," ",re.sub("<[^>]+>"," ",clinician.get(reverse("treatments:chart", args=[done_session.patient.ref])).content.decode()))[:5000])
    print(re.sub(r"\s+"," ",re.sub("<[^>]+>"," ",desk.get(reverse("treatments:chart", args=[done_session.patient.ref])).content.decode()))[:5000])
