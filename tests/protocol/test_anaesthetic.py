"""Numbing cream: the label refuses, the dose alert warns."""

from dataclasses import replace
from decimal import Decimal

import pytest

from treatments.protocol.anaesthetic import alert_mg, area_limit_cm2, assess
from treatments.protocol.catalogue import load

CATALOGUE = load()


def check(agent: str, grams: str, **more):
    numbers = {key: Decimal(value) if isinstance(value, str) else value for key, value in more.items()}
    return assess(CATALOGUE.anaesthetics[agent], grams=Decimal(grams), catalogue=CATALOGUE, **numbers)


@pytest.mark.parametrize(
    ("weight", "threshold"),
    [(None, "225"), ("50", "225.0"), ("60", "270.0"), ("66.66", "299.970"), ("66.67", "300"), ("120", "300")],
)
def test_the_alert_stands_at_four_and_a_half_milligrams_a_kilogram_up_to_300(weight, threshold):
    assert str(check("lidocaine_4", "1", weight_kg=weight).alert_mg) == threshold


@pytest.mark.parametrize(
    ("set_by_the_clinic", "threshold"),
    [
        ({"alert_mg": "100"}, "100"),
        ({"alert_mg": "225"}, "225"),
        ({"alert_mg": "226"}, "225"),
        ({"alert_mg_per_kg": "2"}, "100"),
        ({"alert_mg_without_weight": "90", "alert_mg_per_kg": "2"}, "90"),
        ({"alert_mg_without_weight": "110", "alert_mg_per_kg": "2"}, "100"),
    ],
)
def test_without_a_weight_nothing_looser_holds_than_for_fifty_kilograms(set_by_the_clinic, threshold):
    changed = {name: Decimal(value) for name, value in set_by_the_clinic.items()}
    policy = replace(CATALOGUE.numbing, **changed)
    assert alert_mg(None, policy) == Decimal(threshold)
    assert alert_mg(None, policy) <= alert_mg(Decimal(50), policy)


def test_a_full_face_of_ten_grams_alerts_at_sixty_kilograms():
    found = check("lidocaine_4", "10", weight_kg="60")
    assert found.applied_mg == {"lidocaine": Decimal(400)}
    assert found.mg_per_kg == Decimal("6.67")
    assert found.alerts == ("400 mg of lidocaine on the skin is above 270 mg.",)
    assert found.refusals == ()


def test_the_threshold_itself_does_not_alert():
    assert check("lidocaine_4", "6.75", weight_kg="60").alerts == ()
    assert check("lidocaine_4", "6.76", weight_kg="60").alerts == (
        "270.4 mg of lidocaine on the skin is above 270 mg.",
    )


def test_without_a_weight_the_alert_says_so():
    assert check("lidocaine_4", "5.63").alerts == (
        "225.2 mg of lidocaine on the skin is above 225 mg. No weight is on record.",
    )
    assert check("lidocaine_4", "5.625").alerts == ()
    assert check("lidocaine_4", "5").mg_per_kg is None


def test_only_lidocaine_is_weighed_and_every_active_is_counted():
    found = check("lidocaine_prilocaine", "4")
    assert found.applied_mg == {"lidocaine": Decimal("100.0"), "prilocaine": Decimal("100.0")}
    assert found.alerts == ()


@pytest.mark.parametrize(
    ("agent", "grams", "circumstances", "refusals"),
    [
        ("lidocaine_4", "5", {}, ()),
        ("lidocaine_4", "5", {"occluded": True}, ("Lidocaine 4 %: do not cover it.",)),
        ("lidocaine_prilocaine", "5", {"occluded": True, "area_cm2": "100"}, ()),
        ("lidocaine_prilocaine", "5", {}, ("Enter the area: the label limits it.",)),
        ("lidocaine_prilocaine", "2", {"area_cm2": "10"}, ()),
        ("lidocaine_prilocaine", "2.1", {"area_cm2": "10"}, ("2.1 g: the limit is 2 g on 10 cm².",)),
        ("lidocaine_prilocaine", "2", {"area_cm2": "400"}, ()),
        ("lidocaine_prilocaine", "2", {"area_cm2": "401"}, ("401 cm²: the limit is 400 cm².",)),
        ("lidocaine_4", "5", {"minutes": 60}, ()),
        ("lidocaine_4", "5", {"minutes": 61}, ("61 minutes: the limit is 60 minutes.",)),
        (
            "compounded_23_7",
            "0.5",
            {"area_cm2": "100"},
            ("Compounded lidocaine 23 % and tetracaine 7 %: a prescriber must order it.",),
        ),
        ("compounded_23_7", "0.5", {"prescriber_order": True, "area_cm2": "100"}, ()),
        ("compounded_23_7", "0.5", {"prescriber_order": True, "area_cm2": "101"}, ("101 cm²: the limit is 100 cm².",)),
    ],
)
def test_the_label_refuses(agent, grams, circumstances, refusals):
    assert tuple(refusal.sentence for refusal in check(agent, grams, **circumstances).refusals) == refusals


def test_too_short_a_time_warns():
    assert check("lidocaine_prilocaine", "2", minutes=59).alerts == ("59 minutes: it works after 60.",)
    assert check("lidocaine_prilocaine", "2", minutes=60).alerts == ()


@pytest.mark.parametrize(
    ("grams", "more", "sentence"),
    [
        ("-1", {}, "grams must be a number above zero"),
        ("0", {}, "grams must be a number above zero"),
        ("NaN", {}, "grams must be a number above zero"),
        ("1", {"area_cm2": "0"}, "area must be a number above zero"),
        ("1", {"weight_kg": "0"}, "weight must be a number above zero"),
        ("1", {"minutes": -1}, "minutes must not be below zero"),
    ],
)
def test_an_impossible_amount_is_refused(grams, more, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        check("lidocaine_4", grams, **more)


def test_cream_that_was_just_put_on_has_not_worked_yet():
    assert check("lidocaine_4", "1", minutes=0).alerts == ("0 minutes: it works after 20.",)


def test_a_strong_cream_whose_label_names_no_area_is_not_for_large_ones():
    own = replace(CATALOGUE.anaesthetics["lidocaine_tetracaine"], max_area_cm2=None)
    mild = replace(CATALOGUE.anaesthetics["lidocaine_4"], max_area_cm2=None)
    assert area_limit_cm2(own, CATALOGUE.numbing) == Decimal(100)
    assert area_limit_cm2(mild, CATALOGUE.numbing) is None
    assert area_limit_cm2(CATALOGUE.anaesthetics["lidocaine_tetracaine"], CATALOGUE.numbing) == Decimal(400)


@pytest.mark.parametrize(
    ("agent", "dark", "warned"),
    [("compounded_23_7", True, True), ("compounded_23_7", False, False), ("lidocaine_4", True, False)],
)
def test_a_compounded_cream_is_advised_against_in_darker_skin(agent, dark, warned):
    alerts = check(agent, "0.5", dark_or_unknown=dark).alerts
    assert bool([alert for alert in alerts if "dark marks" in alert]) is warned


def test_the_signs_to_stop_at_are_named():
    assert {"ringing in the ears", "metal taste", "blue or grey skin"} <= set(CATALOGUE.numbing.stop_signs)
