def test_x(visit_today):
    print([(m.kind, m.state, m.send_at, m.expires_at, m.context) for m in visit_today.patient.messages.order_by("id")])
def test_y(done_session):
    print([(m.kind, m.state, m.send_at, m.expires_at, m.context) for m in done_session.patient.messages.order_by("id")])
