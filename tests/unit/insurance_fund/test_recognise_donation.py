"""InsuranceFund.recognise_donation: attack I20, a raw transfer is neither lost nor counted unasked"""

import boa

DONATION = 16


def test_recognise_donation_counts_stray_tokens(funded):
    amount = funded.units(40)
    funded.token.mint(funded.fund, amount)
    counted = funded.fund.recognise_donation(sender=funded.stranger)

    assert counted == amount
    assert funded.logs() == [
        (
            "InflowRecorded",
            {
                "source": DONATION,
                "sender": funded.stranger,
                "amount": amount,
                "source_total": amount,
                "reserve": funded.units(100_040),
            },
        )
    ]
    assert funded.fund.reserve() == funded.token.balanceOf(funded.fund)
    funded.assert_conserved()


def test_recognise_donation_without_one_changes_nothing(funded):
    before = funded.state()
    assert funded.fund.recognise_donation(sender=funded.stranger) == 0
    assert funded.logs() == []
    assert funded.state() == before


def test_raw_transfer_changes_nothing(funded):
    before = funded.state()[:-1]
    funded.token.mint(funded.fund, funded.units(1_000_000))
    assert funded.state()[:-1] == before


def test_recognised_donation_is_no_capital(funded):
    funded.token.mint(funded.fund, funded.units(1_000_000))
    funded.fund.recognise_donation(sender=funded.stranger)
    assert funded.fund.capital_surplus() == funded.units(100_000)


def test_recognise_donation_too_large_reverts(funded):
    funded.token.mint(funded.fund, funded.fund.MAX_AMOUNT())
    before = funded.state()
    with boa.reverts("fund: amount too large"):
        funded.fund.recognise_donation(sender=funded.stranger)
    assert funded.state() == before


def test_recognise_donation_with_tokens_missing_counts_nothing(funded):
    """Tokens that a token's own governance took away: the call that could cure it must not revert."""
    boa.deal(funded.token, funded.fund, funded.units(99_999))
    assert funded.fund.recognise_donation(sender=funded.stranger) == 0
