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
