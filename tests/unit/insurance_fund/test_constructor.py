"""InsuranceFund.__init__"""

import boa
import pytest

from tests import support

NOBODY = "0x" + "00" * 20

PARAMETERS = (2 * 10**17, 5 * 10**17, 10**17, 50_000, (30_000, 10**17, 10**17))


@pytest.mark.parametrize("decimals", [0, 6, 18])
def test_constructor_sets_everything(governance, decimals):
    token = support.deploy("mocks/MockERC20.vy", decimals)
    fund = support.deploy("InsuranceFund.vy", token, governance, PARAMETERS)

    assert fund.token() == token.address
    assert fund.owner() == governance
    assert fund.vault() == NOBODY
    assert tuple(fund.parameters()) == PARAMETERS
    assert fund.target() == PARAMETERS[3]
    assert fund.reserve() == 0


def test_constructor_logs_parameters(governance):
    token = support.deploy("mocks/MockERC20.vy", 6)
    fund = support.deploy("InsuranceFund.vy", token, governance, PARAMETERS)

    names = [type(event).__name__ for event in fund.get_logs()]
    assert names == [
        "OwnershipTransferred",
        "DailyCapShareSet",
        "FeeSharesSet",
        "TargetFloorSet",
        "DefaultLimitsSet",
        "ModeTermsSet",
        "OwnershipTransferred",
    ]


def test_constructor_empty_governance_reverts():
    token = support.deploy("mocks/MockERC20.vy", 6)
    with boa.reverts("fund: empty governance"):
        support.deploy("InsuranceFund.vy", token, NOBODY, PARAMETERS)


def test_constructor_token_with_19_decimals_reverts(governance):
    token = support.deploy("mocks/MockERC20.vy", 19)
    with boa.reverts("fund: bad token decimals"):
        support.deploy("InsuranceFund.vy", token, governance, PARAMETERS)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ((0, *PARAMETERS[1:]), "fund: bad daily cap share"),
        ((PARAMETERS[0], 0, 1, *PARAMETERS[3:]), "fund: bad fee shares"),
        ((*PARAMETERS[:3], 2**112, PARAMETERS[4]), "fund: bad target floor"),
        ((*PARAMETERS[:4], (0, 0, 10**17)), "fund: bad draw share"),
    ],
)
def test_constructor_bad_parameter_reverts(governance, parameters, error):
    token = support.deploy("mocks/MockERC20.vy", 6)
    with boa.reverts(error):
        support.deploy("InsuranceFund.vy", token, governance, parameters)
