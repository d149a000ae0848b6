"""I12 for liquidations: take-overs and order-book closes, rebuilt from the vault's events alone."""

from collections.abc import Callable
from typing import Any

import boa
import pytest

from lastline.abi import Event, EventDecoder
from lastline.ledger import Ledger
from tests.kernel import account_of, deploy_kernel, margin_config, union_abi, wad
from tests.unit.crisis.scene import Scene, fresh
from tests.unit.liquidation.test_close_with_orders import mark_less, order


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every log from now on, as a node would give it."""
    out: list[dict[str, Any]] = []
    execute: Callable[..., Any] = boa.env.execute_code

    def recording(*args: Any, **options: Any) -> Any:
        computation = execute(*args, **options)
        if not computation.is_error:
            for _, address, topics, data in computation.get_raw_log_entries():
                out.append(
                    {
                        "address": "0x" + address.hex(),
                        "topics": [topic.to_bytes(32, "big") for topic in topics],
                        "data": data,
                        "blockNumber": 1,
                        "logIndex": len(out),
                        "transactionHash": bytes(32),
                        "blockTimestamp": boa.env.timestamp,
                    }
                )
        return computation

    monkeypatch.setattr(boa.env, "execute_code", recording)
    return out


def events_of(vault: Any, logs: list[dict[str, Any]]) -> list[Event]:
    decoder = EventDecoder(union_abi())
    mine = [log for log in logs if int(log["address"], 16) == int(vault.address, 16)]
    return [event for event in map(decoder.decode, mine) if event is not None]


def assert_rebuilt(scene: Scene, ledger: Ledger) -> None:
    """Every word of storage that belongs to an account or a market, the fees, and what is owed."""
    vault = scene.vault
    for account in sorted(scene.kernel.accounts | {account_of("keeper")}):
        known = ledger.accounts.get(account)
        assert (known.word if known else 0) == vault.account_word(account)
        state, balance = vault.account_state(account), ledger.balance(account)
        assert (balance.maintenance, balance.initial_gap - balance.cash) == (state.maintenance, state.hole)
        for market in range(vault.market_count()):
            assert ledger.positions.get((account, market), 0) == vault.position_word(account, market)
            assert ledger.maturing.get((account, market), 0) == vault.maturing_word(account, market)
    for market in ledger.markets:
        assert market.words() == list(vault.market_words(market.id))
        assert market.rate_sum_word == vault.rate_sum_word(market.id)
        assert market.surplus == vault.surplus(market.id)
        assert market.side_window == vault.side_window(market.id)
    fees = vault.fee_state()
    assert ledger.trading_fees == fees.trading
    assert ledger.liquidation_fees == fees.liquidation
    assert ledger.uncovered == vault.uncovered()
    for account in scene.kernel.accounts:
        assert ledger.recovery_claims.get(account, 0) == vault.recovery_claim(account)
    assert ledger.liabilities() - ledger.uncovered == scene.kernel.liabilities()


@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_closes_and_take_overs_are_in_the_events(logs, side):
    kernel = deploy_kernel(markets=2)
    scene = fresh(kernel, side)
    loser, second = scene.account("loser", 61), scene.account("second", 62)
    scene.open(loser, scene.account("winner", 5000), 10)
    scene.open(second, account_of("winner"), 10)
    # open interest of 2,000 between lower cap and cap: initial margin is more than the class's
    crowd = margin_config(open_interest_cap_quote=wad(2_200), lower_cap_share=wad("0.5"))
    with scene.as_governance():
        scene.vault.set_margin_config(0, tuple(crowd.values()))
    makers = [scene.account(f"maker {n}", 1000) for n in range(2)]
    scene.move("4.2")
    parts = [order(scene, m, wad("1.5"), mark_less(scene, "0.001"), 10**14) for m in makers]
    assert kernel.close_with_orders(loser, parts) > 0
    # the winner closes, the keeper is the owner himself, and then the maker
    mark = scene.vault.mark(0)
    kernel.close_with_orders(
        second, [order(scene, account_of("winner"), wad(2), mark, 10**14, True)], keeper=second
    )
    scene.move("4.6")
    assert kernel.close_with_orders(second, [order(scene, makers[0], wad(1), scene.price("4.6"))], makers[0])
    kernel.take_over(second, scene.account("liquidator", 2000))
    ledger = Ledger.rebuild(events_of(scene.vault, logs), kernel.token.decimals())
    assert_rebuilt(scene, ledger)
    scene.kernel.assert_conserved()
