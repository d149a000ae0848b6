"""`make gas`: what it says of the features that cost more than they may."""

import pytest

from scripts._gas import report

PLAIN, FEATURE = "take", "signed by an operator"


@pytest.fixture
def limit(monkeypatch):
    """One feature, which may add 10."""
    monkeypatch.setattr(report, "LIMITS", {FEATURE: 10})


def features(more, name=FEATURE):
    return {PLAIN: {"gas": 100}, name: {"gas": 100 + more, "more": more}}


@pytest.mark.parametrize("more", [-5, 10])
def test_a_feature_within_its_limit_is_not_missed(limit, more):
    assert report.show_features(features(more)) == []


def test_a_feature_over_its_limit_is_missed(limit):
    assert report.show_features(features(11)) == [FEATURE]


def test_a_feature_without_a_limit_is_missed(limit):
    assert report.show_features(features(0) | {"another": {"gas": 100, "more": 0}}) == ["another"]


def test_a_feature_that_was_not_measured_is_missed(limit):
    assert report.show_features({PLAIN: {"gas": 100}}) == [FEATURE]


def test_an_operation_with_every_option_on_has_the_plain_ones_targets():
    gas = {"trade_fresh_both_switched_on": 1, "x_switched_on": 1}
    assert [target for _, _, target in report.rows(gas)] == [report.TARGETS["trade_fresh_both"], None]


def test_an_operation_with_every_option_on_may_have_targets_of_its_own():
    name = "liquidate_order_close_switched_on"
    assert report.rows({name: 1}) == [(name, 1, report.TARGETS[name])]
