"""
What has been done to systems like this one, and what answers it here: the data of the table in
docs/security.md.

`python -m tests.attacks.catalogue` writes the table; tests/meta/test_security_table.py keeps it true. A row
is answered by tests, named as in `tests/<file>::<name>`, or by the reason why the pattern cannot apply; or by
both, when the tests cover the part of it that can.
"""

from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


@dataclass(frozen=True)
class Row:
    id: str
    pattern: str
    tests: tuple[str, ...] = ()
    reason: str = ""


def row(id: str, pattern: str, tests: str = "", reason: str = "") -> Row:
    return Row(id, pattern, tuple(tests.split()), reason)


# Where the tests are, so that a row stays readable.
A = "attacks/test_"
V = "unit/margin_vault/test_"
X = "unit/exchange/test_"
F = "unit/insurance_fund/test_"
P = "unit/community_pool/test_"
L = "unit/loss_sharing/test_"
C = "unit/crisis/test_"
B = "unit/bankruptcy/test_"
T = "unit/liquidation/test_take_over.py::test_"
K = "unit/liquidation/test_close_with_orders.py::test_"
O = "unit/price_oracle/test_"  # noqa: E741
M = "unit/membership/test_"
E = "unit/liquidation_engine/test_"
R = "unit/loss_allocator/test_resolve.py::test_"
S = "unit/console/test_"
Z = "unit/settlement/test_"
Q = "regression/test_"
I8 = "stateful/test_one_owner.py::test_one_owner_gains_no_more_than_others_have_stated"

NO_PENDING = "cannot apply: nothing is pending on chain; an order is a signature, a fill is final"
COLLATERAL = "by design: the collateral is the unit of account, nothing is converted"
EXOTIC = "cannot apply: one collateral token, fixed at deployment"

TRADING = (
    row(
        "T01",
        "two accounts of one owner trade far from the market; one leaves with the gain, the fund pays "
        "the other's loss",
        f"{A}trading.py::test_t01_fill_far_from_mark_between_own_accounts_is_refused "
        f"{A}trading.py::test_t01_who_gives_at_the_edge_of_the_band_still_holds_initial_margin_at_mark "
        f"{V}fill.py::test_fill_beyond_the_band_reverts",
    ),
    row(
        "T02",
        "an unhealthy or bankrupt account trades with its sibling at the edge of the band",
        f"{A}trading.py::test_t02_repairing_an_unhealthy_account_costs_the_sibling_what_it_brings "
        f"{A}trading.py::test_t02_bankrupt_account_cannot_be_emptied_into_a_sibling "
        f"{V}fill_margin.py::test_a_reduction_of_an_insolvent_account_reverts_even_at_a_gain",
    ),
    row(
        "T03",
        "cash is withdrawn against open profit in a thin market, then the price comes back",
        f"{A}trading.py::test_t03_paper_profit_of_the_pumped_side_withdraws_nothing "
        f"{A}trading.py::test_t03_profit_realised_out_of_a_pump_pays_for_the_other_side "
        f"{V}withdraw.py::test_open_profit_leaves_maintenance_in_cash",
    ),
    row(
        "T04",
        "profit is paid out before the loss on the other side exists",
        f"{Q}2022_05_drift_winners_leave_first.py::test_profit_realised_first_cannot_be_withdrawn_first "
        f"{V}withdraw.py::test_realised_profit_is_not_withdrawable_before_it_matures",
    ),
    row(
        "T05",
        "margin is withdrawn down to the least, the rest of a large position is left to the backstop",
        f"{A}trading.py::test_t05_taking_profit_out_leaves_the_backstop_nothing_to_pay "
        f"{V}withdraw.py::test_withdraw_one_wei_beyond_a_hole_of_zero_reverts",
    ),
    row(
        "T06",
        "solvency is tested before the effect, not after",
        f"{V}fill_margin.py::test_a_fee_of_one_wei_counts_in_the_margin "
        f"{V}fill_margin.py::test_a_price_one_wei_worse_than_mark_counts_in_the_margin "
        f"{V}transfer.py::test_transfer_one_wei_beyond_a_hole_of_zero_reverts",
    ),
    row(
        "T07",
        "a trade through zero passes as a reduction",
        f"{V}fill_margin.py::test_going_through_zero_is_judged_as_an_opening "
        f"{V}fill.py::test_a_reduce_only_order_does_not_go_through_zero",
    ),
    row(
        "T08",
        "the fee of a reduction pushes the account below maintenance",
        f"{V}fill_margin.py::test_a_reduction_may_not_lower_the_health",
    ),
    row(
        "T09",
        "a position is liquidatable the moment it is opened",
        f"{A}trading.py::test_t09_position_opened_at_the_limit_cannot_be_liquidated_at_the_same_mark "
        f"{S}markets.py::test_a_bad_margin_config_reverts",
    ),
    row(
        "T10",
        "several signed orders, each healthy alone, are filled together, or after the margin has left",
        f"{A}orders.py::test_t10_two_orders_healthy_alone_do_not_both_fill "
        f"{A}orders.py::test_t10_margin_withdrawn_under_an_open_order_lets_the_order_fail_not_the_vault",
    ),
    row("T11", "a requested close counts as done", reason=NO_PENDING),
    row(
        "T12",
        "funding not yet accrued is left out of what may be withdrawn",
        f"{V}withdraw.py::test_accrued_funding_is_not_withdrawable "
        f"{A}accounting.py::test_d04_funding_missed_before_entry_is_at_most_fifteen_minutes",
    ),
    row(
        "T13",
        "a negative equity becomes a large margin in an unsigned cast",
        f"{A}trading.py::test_t13_account_below_zero_gets_nothing_out_and_opens_nothing "
        f"{M}states.py::test_views_answer_for_an_account_below_zero",
    ),
    row(
        "T14",
        "an owner is his own counterparty, and liquidation cannot deal with that",
        f"{T}liquidating_oneself_costs_the_funds_share {T}taker_closes_his_own_opposite_position",
    ),
    row(
        "T15",
        "an account gives its collateral away and is then liquidated by its owner",
        f"{Q}2023_03_euler_donate_and_liquidate_oneself.py::test_no_way_out_leaves_an_account_unhealthy "
        f"{Q}2023_03_euler_donate_and_liquidate_oneself.py::test_liquidating_oneself_never_pays {I8}",
    ),
    row(
        "T16",
        "a second way out has no solvency test",
        f"{V}transfer.py::test_transfer_one_wei_beyond_a_hole_of_zero_reverts "
        f"{A}access.py::test_p01_tables_cover_every_function_that_writes",
        "withdraw and transfer are the only ways out by an owner's will, and share one internal function",
    ),
    row(
        "T17",
        "a limit for each account is split over many accounts",
        f"{A}trading.py::test_t17_many_wallets_meet_one_cap_on_open_interest",
    ),
    row(
        "T18",
        "any size is filled against a shared pool without price impact",
        reason="cannot apply: no pool trades; every fill has a counterparty that signed its price",
    ),
    row(
        "T19",
        "an order stays executable while prices are revealed",
        f"{X}trade.py::test_trade_one_second_after_expiry_reverts {X}cancel.py::test_cancel_kills_the_order",
        "a resting order is an option for its taker, as on every book; it ends with its expiry or its "
        "cancellation",
    ),
    row(
        "T20",
        "open, move the price and close in one transaction with borrowed capital",
        f"{A}trading.py::test_t20_profit_of_two_marks_in_one_transaction_does_not_leave_in_it "
        f"{C}update_mark.py::test_second_mark_of_a_second_changes_nothing",
        "what this does not cover: see limit 1",
    ),
    row(
        "T22",
        "open interest is booked with a wrong figure and drifts",
        "stateful/test_ledger.py::test_history_equals_naive_model "
        f"{V}fill_margin.py::test_the_last_one_out_is_not_stuck",
    ),
    row(
        "T23",
        "a cap in base units lets the exposure grow with the price",
        f"{V}fill_margin.py::test_open_interest_up_to_the_cap_in_quote_passes "
        f"{V}fill_margin.py::test_above_a_cap_only_increases_of_open_interest_revert",
    ),
    row(
        "T24",
        "partial closes lose or double margin",
        f"{V}fill_margin.py::test_reducing_in_pieces_never_gains "
        f"{V}fill_margin.py::test_a_partial_close_keeps_the_entry_price "
        f"{V}withdraw.py::test_withdraw_of_everything_leaves_nothing",
    ),
)

LIQUIDATION = (
    row(
        "L01",
        "one account is liquidated several times for one shortfall",
        f"{T}second_take_over_reverts {B}absorb.py::test_second_absorption_of_one_account_reverts",
    ),
    row(
        "L02",
        "a flat reward is larger than what tiny accounts hold, and is farmed",
        f"{A}liquidation.py::test_l02_keeper_of_ones_own_small_accounts_earns_nothing "
        f"{A}liquidation.py::test_l02_splitting_an_account_brings_its_keeper_no_more "
        f"{B}absorb.py::test_reward_is_at_most_half_of_what_is_left "
        f"{K}closing_in_parts_earns_no_more {I8}",
    ),
    row(
        "L03",
        "liquidating oneself is cheaper than closing",
        f"{T}liquidating_oneself_costs_the_funds_share "
        f"{K}liquidating_oneself_earns_nothing_and_costs_the_funds_share "
        f"{K}friend_as_keeper_takes_nothing_but_the_owners_saving "
        f"{Q}2023_03_euler_donate_and_liquidate_oneself.py"
        f"::test_being_absorbed_and_buying_ones_own_inventory_never_pays {I8}",
    ),
    row(
        "L04",
        "the liquidator's reward is paid out of bad debt",
        f"{B}absorb.py::test_absorb_with_nothing_left "
        f"{B}absorb.py::test_reward_out_of_fees_is_capped_by_them "
        f"{K}reward_does_not_come_from_the_fund",
    ),
    row(
        "L05",
        "nobody has a reason, or the right, to resolve an account below zero",
        f"{A}liquidation.py::test_l05_stranger_without_any_stake_resolves_a_bankruptcy "
        f"{B}absorb.py::test_keeper_of_an_empty_account_is_paid_out_of_liquidation_fees",
    ),
    row(
        "L06",
        "positions too small to be worth liquidating",
        f"{V}fill_margin.py::test_opening_below_the_minimum_size_reverts "
        f"{E}absorb_many.py::test_absorb_many_counts_and_skips",
        "nobody is given a smaller part either; what is taken whole may be small: see limit 4",
    ),
    row(
        "L07",
        "the least size holds when opening, not after a partial close",
        f"{V}fill_margin.py::test_a_reduction_may_not_leave_less_than_the_minimum_size "
        f"{T}dust_is_not_left_behind",
    ),
    row(
        "L08",
        "a partial liquidation lowers the health",
        f"{T}never_less_healthy_and_never_past_bankruptcy "
        f"{K}never_less_healthy_and_never_dearer_than_a_take_over "
        f"{K}keeper_may_not_strip_a_nearly_healthy_account",
    ),
    row("L09", "a partial liquidation becomes a full one in two calls", f"{T}second_take_over_reverts"),
    row(
        "L10",
        "the victim changes its account by a little, and the liquidation reverts",
        f"{A}liquidation.py::test_l10_victim_one_step_ahead_does_not_make_liquidation_revert",
    ),
    row(
        "L11",
        "an order placed before is filled ahead of the liquidation",
        f"{V}fill_margin.py::test_a_reduction_with_a_hole_passes_if_it_shrinks_it",
        "by design: a reduction that does not lower the health is welcome at any time",
    ),
    row(
        "L13",
        "a total would fall below zero, and the last position cannot be closed",
        f"{B}absorb.py::test_account_holding_a_whole_sides_open_interest "
        f"{V}fill_margin.py::test_the_last_one_out_is_not_stuck",
    ),
    row(
        "L14",
        "liquidation needs a fund that can pay",
        f"{Q}perp_v2_liquidation_with_an_empty_fund.py"
        "::test_bankrupt_account_is_absorbed_and_the_loss_resolved",
    ),
    row(
        "L15",
        "the owner, or his token, makes his own liquidation revert",
        f"{A}liquidation.py::test_l15_token_that_blocks_the_owner_does_not_stop_his_liquidation "
        f"{A}liquidation.py::test_l15_blocked_owner_keeps_what_is_left_to_him",
    ),
    row(
        "L16",
        "too many positions to go through",
        f"{V}fill_margin.py::test_a_ninth_market_reverts "
        f"{A}liquidation.py::test_d01_account_in_eight_markets_is_absorbed_within_a_quarter_of_a_block",
    ),
    row(
        "L17",
        "a callback or its return data burns the liquidator's gas",
        f"{E}absorb.py::test_absorb_cuts_long_revert_data "
        f"{E}absorb.py::test_absorb_outlives_a_fund_that_burns_its_gas",
        "accounts get no callback; only the fund and the token are called",
    ),
    row(
        "L18",
        "health is judged before funding is accrued",
        f"{T}funding_is_accrued_before_health_is_judged",
    ),
    row(
        "L19",
        "docs, view and executor disagree at the boundary",
        f"{T}health_of_one_to_the_wei {B}absorb.py::test_critical_health_to_the_wei "
        "unit/liquidation/test_liquidation_plan.py::test_take_over_does_what_the_plan_says "
        f"{V}withdraw.py::test_withdrawable_is_what_withdraw_pays",
    ),
    row(
        "L20",
        "a liquidation is booked at one price in the account and at another in the totals",
        "stateful/test_ledger.py::test_history_equals_naive_model",
    ),
    row(
        "L21",
        "the liquidator closes only the legs that suit him, or judges them at marks of different times, "
        "or keeps others from it",
        f"{T}never_less_healthy_and_never_past_bankruptcy {T}other_markets_count_at_their_last_good_mark "
        f"{A}liquidation.py::test_l21_liquidator_does_not_strip_the_hedge "
        f"{A}liquidation.py::test_l21_using_up_a_markets_limit_protects_nobody_for_long "
        f"{A}liquidation.py::test_x17_hedged_account_solvent_at_present_prices_is_not_liquidated",
        "absorption takes the account whole; what is left of different ages: see limit 2",
    ),
    row(
        "L22",
        "a liquidation enlarges the position",
        f"{T}take_over_is_capped_at_what_the_taker_wants",
        "the kernel computes the change; the caller can only make it smaller",
    ),
    row("L23", "a pending close of the owner blocks the liquidation", reason=NO_PENDING),
    row(
        "L24",
        "an order outlives the account's liquidation and opens it again",
        f"{A}orders.py::test_l24_order_that_outlives_its_account_opens_nothing",
    ),
    row("L25", "some accounts are exempt from liquidation", reason="cannot apply: there is no exemption"),
    row(
        "L27",
        "owners cannot add or reduce while liquidation goes on",
        f"{V}deposit.py::test_deposit_goes_on_in_every_mode_and_pause "
        f"{V}fill.py::test_fill_while_paused_only_reduces "
        f"{L}charge_round.py::test_market_stands_still_while_a_round_is_open "
        f"{A}oracle.py::test_o01_nobody_trades_or_leaves_on_a_price_that_has_stopped",
    ),
    row(
        "L28",
        "an oracle that fails disables liquidation",
        f"{A}liquidation.py::test_l28_account_in_a_dead_market_is_absorbed_if_another_has_a_price "
        f"{E}absorb.py::test_refresh_and_absorb_goes_on_without_a_price",
        "with no price at all nothing is liquidated, by design: see limit 6",
    ),
    row(
        "L29",
        "the liquidated account pays more than needed, or the liquidator is sandwiched",
        f"{T}take_over_restores_target_health {T}limit_price",
    ),
    row(
        "L30",
        "the whole open interest is liquidated at once",
        f"{Q}2025_dydx_whole_open_interest.py::test_fund_pays_and_the_market_goes_on "
        f"{Q}2025_dydx_whole_open_interest.py::test_without_a_fund_the_winner_is_deleveraged",
    ),
    row(
        "L31",
        "a wave of liquidations right after a restart or a change of parameters",
        f"{O}read.py::test_read_sequencer_in_its_grace_period_reverts",
        "the pause stops no exit; parameters change after the Timelock's delay, old positions are not exempt",
    ),
    row(
        "L33",
        "a liquidation of several steps expires half-way",
        f"{L}charge_round.py::test_open_round_is_finished_on_a_stale_mark",
        "liquidation is one call; the one thing of several calls is a round, which anybody may finish",
    ),
)

ADL = (
    row(
        "A01",
        "deleveraging does not work when it is needed",
        f"{L}deleverage.py::test_deleverage_works_when_trading_is_paused_and_the_market_closed "
        "integration/test_crash.py::test_every_tier_pays",
    ),
    row(
        "A02",
        "deleveraging at an old price",
        f"{L}deleverage.py::test_deleverage_needs_a_fresh_mark "
        f"{L}charge_round.py::test_round_needs_a_fresh_mark",
    ),
    row(
        "A03",
        "somebody is deleveraged who is no candidate any more",
        f"{L}deleverage.py::test_who_is_in_profit_at_mark_but_not_at_bankruptcy_price_is_spared",
        "candidates are read from storage in the same call",
    ),
    row(
        "A04",
        "deleveraging without a bound on the price",
        f"{L}deleverage.py::test_deleverage_closes_at_bankruptcy_price "
        f"{L}deleverage.py::test_bankruptcy_price_is_kept_within_the_band",
    ),
    row(
        "A05",
        "deleveraging leaves funding out",
        f"{L}deleverage.py::test_funding_is_booked_to_the_last_second_before_the_close",
    ),
    row(
        "A06", "deleveraging takes the wrong side of two prices", reason="cannot apply: a market has one mark"
    ),
    row(
        "A07",
        "the entry price is reset by a wash trade to leave the queue",
        f"{A}adl.py::test_a07_entry_washed_with_a_sibling_pays_the_same_share_of_a_round "
        f"{A}adl.py::test_a07_better_rank_washed_away_moves_no_loss_to_later_winners_in_a_round",
        "in queue ADL alone a washed entry does rank lower; for dilution see X18",
    ),
    row(
        "A09",
        "dust positions in front of the queue",
        f"{L}deleverage.py::test_cost_does_not_depend_on_the_number_of_members "
        f"{L}deleverage.py::test_deleverage_resumes_where_it_stopped "
        f"{V}fill_margin.py::test_a_new_tick_of_a_crowded_market_asks_for_a_larger_position",
        "no part below the least size is given to anybody; of what is taken whole see limit 4",
    ),
    row(
        "A11",
        "deleveraging that is not due",
        f"{L}deleverage.py::test_deleverage_without_a_deficit_reverts "
        f"{Q}2020_03_bitmex_no_adl_while_the_fund_can_pay.py::test_winners_wait_until_the_fund_is_used_up",
    ),
    row(
        "A12",
        "an owner deleverages his own pair at a good price",
        f"{A}adl.py::test_a12_deleveraging_ones_own_pair_brings_nothing",
    ),
    row(
        "A13",
        "the winner cannot bear the bankruptcy price",
        f"{L}deleverage.py::test_who_is_in_profit_at_mark_but_not_at_bankruptcy_price_is_spared "
        f"{L}deleverage.py::test_what_the_band_leaves_unpaid_is_a_rounds",
    ),
    row(
        "A14",
        "deleveraging makes the winner liquidatable, or kills one leg of a hedge",
        f"{A}adl.py::test_a14_deleveraged_winner_is_not_liquidatable_at_the_same_mark",
        "a hedge over two markets is not seen as one: see limit 7",
    ),
    row(
        "A15",
        "accounts of the system stand in the ranking",
        f"{L}deleverage.py::test_winners_lose_exactly_what_the_claim_is_paid",
        "the inventory is what is closed first; the fund holds no positions",
    ),
    row(
        "A16",
        "deleveraging is postponed by touching its state",
        f"{C}update_mark.py::test_second_mark_of_a_second_changes_nothing",
        "there is no such state: mark and tier may come in one transaction",
    ),
    row(
        "A18",
        "winners leave before they are deleveraged",
        f"{Q}2022_05_drift_winners_leave_first.py::test_who_left_and_who_stayed_pay_the_same",
        "holds for rounds; under a policy of queue ADL alone who closes in time is out of reach",
    ),
)

LOSSES = (
    row(
        "S01",
        "a negative balance stays on a dead account and nobody books it",
        f"{B}absorb.py::test_absorb_below_zero_files_a_claim",
    ),
    row(
        "S02",
        "who closes first is paid in full, who comes last gets nothing",
        f"{A}losses.py::test_s02_profits_of_five_five_and_two_share_ten_pro_rata",
    ),
    row(
        "S03",
        "out before the haircut, in again after it",
        f"{Q}2022_05_drift_winners_leave_first.py::test_who_left_and_who_stayed_pay_the_same "
        f"{A}adl.py::test_a07_entry_washed_with_a_sibling_pays_the_same_share_of_a_round "
        "unit/last_tiers/test_recovery.py::test_the_first_and_the_last_get_the_same_ratio",
        "who leaves a side before it is charged: see limit 24",
    ),
    row(
        "S05",
        "a bonus or penalty is mixed into what is counted as covered",
        f"{L}deleverage.py::test_winners_lose_exactly_what_the_claim_is_paid "
        "stateful/test_ledger.py::test_history_equals_naive_model",
    ),
    row(
        "S06",
        "the haircut makes others insolvent",
        f"{A}losses.py::test_s06_round_that_takes_every_profit_bankrupts_no_winner",
        "in an account of one market; over several markets see limit 7",
    ),
    row(
        "S08",
        "users without positions pay",
        f"{A}losses.py::test_s08_depositor_without_a_position_pays_nothing_in_any_tier "
        f"{L}charge_round.py::test_round_spares_idle_losing_and_other_markets_accounts",
    ),
    row(
        "S09",
        "a loss leaks into another market",
        f"{Q}2025_03_jelly_thin_market.py::test_other_markets_keep_their_margins_and_profits "
        f"{B}absorb.py::test_cushion_goes_first_to_a_market_whose_claim_its_profit_left_unpaid",
    ),
    row(
        "S10",
        "a loss that was covered stays on the books",
        f"{C}pay_claims.py::test_fund_pays_all "
        f"{C}update_mark.py::test_better_mark_shrinks_the_newest_claims_first "
        "unit/last_tiers/test_recovery.py::test_after_the_repair_withdrawals_are_whole_and_deposits_free "
        "unit/insurance_fund/test_risk_modes.py::test_each_step_back_waits_for_its_time",
    ),
    row(
        "S11",
        "the condition for bad debt cannot become true",
        f"{B}absorb.py::test_critical_health_to_the_wei "
        f"{B}absorb.py::test_account_without_positions_leaves_its_deficit_in_market_0",
    ),
    row(
        "S12",
        "the resolution is called on an account of the system",
        f"{A}losses.py::test_s12_nobody_can_absorb_an_account_that_is_none",
    ),
    row(
        "S13",
        "a payment falls short and counts as full",
        f"{A}losses.py::test_s13_loss_nobody_can_pay_stays_a_claim_and_is_paid_by_later_profit "
        f"{V}odd_tokens.py::test_a_withdrawal_answered_with_false_reverts "
        f"{F}odd_tokens.py::test_false_on_payment_reverts",
    ),
    row(
        "S14",
        "the price of a senior tranche ignores a loss beyond the junior one",
        f"{F}community_pool.py::test_the_pool_pays_what_the_reserve_has_not "
        f"{P}draw.py::test_a_loss_is_borne_pro_rata",
    ),
    row(
        "S15",
        "a band in the middle of the waterfall pays nothing",
        f"{A}losses.py::test_s15_every_size_of_the_fund_pays_its_part_and_the_next_tier_the_rest "
        f"{F}pay.py::test_pay_covers_any_deficit_up_to_the_whole_reserve",
    ),
    row(
        "S17",
        "a global solvency check stops even what would help",
        f"{B}absorb.py::test_absorb_works_whatever_the_mode",
        "there is no such check; a short market only stops its own profit from maturing",
    ),
    row(
        "S18",
        "a moment's imbalance is taken for a loss",
        f"{C}update_mark.py::test_better_mark_shrinks_the_newest_claims_first "
        f"{C}update_mark.py::test_one_second_bounce_releases_nothing",
        "tokens are counted on arrival; a lack below 1e-9 quote is no claim",
    ),
    row(
        "S19",
        "a third party claims for somebody at the worst moment",
        f"{A}losses.py::test_s19_stranger_who_touches_a_winner_changes_nothing_he_has",
    ),
    row(
        "S20",
        "an account solvent again when its liquidation ends does not get the rest",
        f"{C}update_mark.py::test_better_mark_shrinks_the_newest_claims_first",
        "by design: absorption is one call and final; what the inventory gains later is the fund's",
    ),
    row(
        "S21",
        "a haircut changes between two parts of one claim",
        f"{L}charge_round.py::test_rounds_add_up_on_pending_generations",
    ),
)

POOL = (
    row(
        "I01",
        "first depositor and donation set the share price",
        f"{P}safety.py::test_the_inflation_attack_loses {P}stray.py::test_a_donation_moves_nothing "
        f"{P}safety.py::test_the_first_depositor_pays_no_toll",
    ),
    row(
        "I02",
        "shares without assets stop the pool",
        f"{P}generations.py::test_old_shares_catch_no_new_money "
        f"{P}generations.py::test_a_loss_of_everything_ends_the_generation",
    ),
    row(
        "I03",
        "a slashed pool is bought for nothing",
        f"{P}generations.py::test_old_holders_may_come_again "
        f"{P}generations.py::test_what_is_less_than_a_millionth_counts_as_nothing",
        "an entry pays the price of its activation, and nothing that a loss took comes back to the shares",
    ),
    row(
        "I04",
        "exit in front of the loss",
        f"{P}safety.py::test_running_before_a_loss_gains_nothing "
        f"{P}draw.py::test_an_exit_bears_losses_until_it_is_paid",
    ),
    row(
        "I06",
        "the waiting time runs from the deposit",
        f"{P}exit.py::test_an_exit_outside_its_window_is_not_executed",
        "the cooldown begins with the request of an exit",
    ),
    row(
        "I07",
        "the waiting time is washed by moving shares",
        f"{P}exit.py::test_shares_in_an_exit_cannot_be_transferred",
    ),
    row("I08", "the same shares ask to leave several times", f"{P}exit.py::test_a_second_request_reverts"),
    row(
        "I09",
        "a deposit just in time takes the income",
        f"{P}safety.py::test_dashing_in_for_an_inflow_gains_nothing "
        f"{P}safety.py::test_an_inflow_is_earned_by_the_time_one_stays",
    ),
    row(
        "I10",
        "a flash deposit moves a rate",
        f"{F}community_pool.py::test_entries_are_not_counted",
        "an entry waits an hour or more and counts for nothing until then",
    ),
    row(
        "I12",
        "the slash is placed in front of somebody's exit",
        f"{P}exit.py::test_a_payout_that_waited_has_the_worth_of_its_day",
        "by design: whoever has not been paid bears every loss the same",
    ),
    row(
        "I13",
        "a dependency blocks the exit",
        f"{P}exit.py::test_a_payout_waits_while_not_calm "
        f"{P}entry.py::test_an_entry_may_be_taken_back_while_not_calm "
        f"{P}exit.py::test_a_window_that_cannot_be_used_begins_anew",
        "an exit waits for calm, and for the fund and the vault to say so; both are fixed: see limit 22",
    ),
    row(
        "I14",
        "reserved open interest blocks the exit",
        reason="cannot apply: the pool reserves nothing; only open claims and the risk mode hold an exit up",
    ),
    row(
        "I15",
        "a withdrawal burns no shares",
        f"{P}exit.py::test_withdraw_pays_a_part_of_a_due_exit "
        f"{P}safety.py::test_going_in_and_out_at_once_gains_nothing",
    ),
    row(
        "I16",
        "shares inflate until they overflow",
        f"{P}entry.py::test_a_request_over_the_limit_reverts "
        f"{P}generations.py::test_what_is_less_than_a_millionth_counts_as_nothing",
        "a generation ends before its shares are more than 10**12 to an asset unit",
    ),
    row(
        "I17",
        "claims on snapshots count twice or get lost",
        reason="cannot apply: no snapshots; a share's and an exit's worth are computed when used",
    ),
    row(
        "I19",
        "rewards are lost in rounding or taken twice",
        f"{P}inflow.py::test_a_few_units_vest_all_the_same "
        f"{P}inflow.py::test_booking_often_vests_no_more_and_no_less",
    ),
    row(
        "I21",
        "the exit window shrinks to nothing",
        f"{P}constructor.py::test_a_parameter_below_its_bound_reverts",
        "all times are fixed at deployment, within bounds",
    ),
    row(
        "I23",
        "one member can make the slash revert",
        f"{P}draw.py::test_a_draw_hands_over_any_amount_up_to_all "
        f"{F}community_pool.py::test_a_pool_that_does_not_pay_leaves_the_reserve_to_pay",
        "a loss is booked without a loop over members",
    ),
)

FUND = (
    row(
        "I20",
        "tokens sent to the fund directly are lost or count where they should not",
        f"{F}recognise_donation.py::test_recognise_donation_counts_stray_tokens "
        f"{F}recognise_donation.py::test_raw_transfer_changes_nothing",
    ),
    row("I22", "shares or an own token serve as margin", reason=EXOTIC),
    row(
        "I24",
        "risk is cheapest when the fund is lowest",
        f"{F}views.py::test_fee_share_rises_again_with_the_target",
        "no price of risk depends on the fund; caps on open interest are governance's: see limit 8",
    ),
    row(
        "Q02",
        "a queue is filled with crumbs",
        f"{A}losses.py::test_q02_crumbs_in_the_queue_do_not_keep_the_fund_from_a_large_claim "
        f"{B}absorb.py::test_the_33rd_claim_raises_the_newest",
    ),
    row(
        "Q03",
        "whoever is paid burns the gas",
        f"{C}pay_claims.py::test_failing_fund_costs_at_most_its_allowance_of_gas",
        "claims belong to markets; nobody is called to be paid",
    ),
    row("Q04", "a payment that failed counts as made", f"{C}pay_claims.py::test_what_counts_is_what_arrived"),
    row(
        "Q05",
        "the queue is jumped by calling back",
        f"{F}odd_tokens.py::test_token_that_calls_back_gets_nowhere "
        f"{C}pay_claims.py::test_claims_of_a_market_are_paid_oldest_first",
    ),
    row(
        "Q07",
        "the base of a limit is moved by the attacker",
        f"{F}daily_cap.py::test_flash_donation_raises_nothing "
        f"{F}episode_cap.py::test_cap_is_of_the_reserve_at_the_start",
    ),
    row(
        "Q08",
        "a breaker reverts, and so never latches",
        f"{C}pay_claims.py::test_failure_is_recorded_and_stops_nobody "
        f"{C}pay_claims.py::test_two_failures_ten_minutes_apart_open_them_for_a_batchs_time",
    ),
    row(
        "Q09",
        "a mode flaps around one threshold",
        "unit/insurance_fund/test_risk_modes.py::test_the_mode_cannot_be_flapped_by_deposit_and_withdrawal "
        "unit/insurance_fund/test_risk_modes.py::test_to_leave_caution_takes_more_than_to_stay_out_of_it "
        "unit/insurance_fund/test_risk_modes.py::test_coverage_seen_well_in_between_starts_again",
    ),
    row(
        "Q10",
        "a request without expiry is an option",
        f"{P}safety.py::test_arming_an_exit_again_costs {P}safety.py::test_an_exit_held_ready_earns_nothing",
    ),
    row(
        "Q11",
        "two requests share one key",
        f"{X}lanes.py::test_lane_same_sequence_other_order_reverts "
        f"{X}lanes.py::test_lanes_do_not_touch_one_another",
    ),
)

ORACLE = (
    row(
        "O01",
        "a stale price is used",
        f"{A}oracle.py::test_o01_nobody_trades_or_leaves_on_a_price_that_has_stopped "
        f"{O}read.py::test_read_past_heartbeat_reverts",
    ),
    row(
        "O02",
        "an answer of zero or less",
        f"{A}oracle.py::test_o02_o03_feeds_at_nothing_or_at_their_bounds_make_nobody_poor_or_rich "
        f"{O}read.py::test_read_impossible_answer_reverts",
    ),
    row(
        "O03",
        "a feed stays at its floor or ceiling",
        f"{O}read.py::test_read_answer_at_its_bound_reverts",
    ),
    row(
        "O04",
        "wrong or changed decimals",
        f"{O}set_feeds.py::test_set_feeds_wrong_scale_of_decimals_reverts "
        f"{O}read.py::test_read_any_decimals_gives_the_same_price",
    ),
    row(
        "O05",
        "the sequencer is down or just back",
        f"{O}read.py::test_read_sequencer_down_reverts {O}read.py::test_read_sequencer_just_back_reverts",
    ),
    row(
        "O06",
        "one heartbeat for all feeds",
        f"{O}read.py::test_read_each_feed_has_its_own_heartbeat",
    ),
    row(
        "O07",
        "two prices in one transaction",
        f"{A}oracle.py::test_o07_second_price_of_one_second_is_the_first_one",
        "the stored mark and the next one are two prices: see limit 1",
    ),
    row(
        "O08",
        "the actor picks the price, or commits an old one",
        f"{O}read.py::test_read_reports_the_oldest_live_update",
        "nobody hands a price in; he can only choose when to take the feeds' present one",
    ),
    row("O09", "arithmetic on round ids", f"{O}read.py::test_read_ignores_round_ids"),
    row(
        "O10",
        "one wild print is used at once",
        f"{A}oracle.py::test_o10_wild_print_stops_the_mark_and_liquidates_nobody",
        "with three feeds and more; a market of one feed trusts it: see limit 6",
    ),
    row("O11", "a stablecoin is worth exactly one", reason=COLLATERAL),
    row("O12", "a pool's spot price is read", reason="cannot apply: only feeds set by governance are read"),
    row(
        "O13",
        "an outlier filter degrades silently",
        f"{O}read.py::test_read_one_short_of_the_quorum_reverts "
        f"{O}set_feeds.py::test_set_feeds_quorum_not_a_majority_reverts",
    ),
    row(
        "O14",
        "the second source is not asked because the first reverts",
        f"{O}read.py::test_read_reverting_feed_leaves_the_quorum "
        f"{O}read.py::test_read_gas_burning_feeds_leave_the_quorum "
        f"{A}oracle.py::test_o14_dead_feeds_of_the_perpetual_stop_no_mark",
    ),
    row(
        "O15",
        "trading between the true move and the one on chain",
        f"{A}trading.py::test_t20_profit_of_two_marks_in_one_transaction_does_not_leave_in_it",
        "counterparties sign their prices; what it means for margin: see limit 1",
    ),
    row(
        "O16",
        "anybody can write the price",
        f"{O}ownership.py::test_only_these_functions_write "
        f"{O}set_feeds.py::test_set_feeds_by_a_stranger_reverts",
    ),
    row(
        "O17",
        "a market without a live source and without a limit",
        f"{O}set_feeds.py::test_set_feeds_without_a_usable_price_reverts "
        f"{S}markets.py::test_a_new_market_has_no_mark_and_does_not_trade",
    ),
    row("O18", "collateral is priced on the venue's own book", reason=COLLATERAL),
    row(
        "O19",
        "health at the index, fills at the mark",
        f"{V}fill.py::test_fill_off_mark_moves_no_equity_beyond_the_price",
        "health, fills and liquidations all go by the mark; only the premium is measured at the index",
    ),
    row("O20", "a price payload crowds out the others", reason="cannot apply: no payload is handed in"),
    row(
        "O21",
        "sign or size of an exponent",
        f"{O}read.py::test_read_feeds_of_different_decimals_agree "
        f"{O}set_feeds.py::test_set_feeds_too_many_decimals_reverts",
    ),
    row(
        "O22",
        "a price that crosses zero",
        f"{O}read.py::test_read_price_past_the_edge_of_the_range_reverts "
        f"{C}update_mark.py::test_price_out_of_range_reverts",
    ),
    row("O23", "a skipped price round splits two ledgers", reason=NO_PENDING),
)

ACCOUNTING = (
    row(
        "F01",
        "funding paid is not funding received",
        f"{A}oracle.py::test_f03_premium_that_lasts_is_paid_by_who_holds_the_dear_side "
        f"{C}update_mark.py::test_funding_moves_cash_from_payers_to_receivers "
        f"{C}update_mark.py::test_funds_share_of_funding",
    ),
    row(
        "F02",
        "one side is empty, or is inventory alone",
        f"{A}accounting.py::test_f02_funding_with_only_inventory_on_one_side_is_paid_by_nobody "
        f"{C}update_mark.py::test_no_funding_while_a_side_is_only_the_inventory "
        f"{C}update_mark.py::test_no_funding_without_positions",
        "beside a token position it pays and gets: see limit 18",
    ),
    row(
        "F03",
        "the premium is painted by tiny trades",
        f"{A}oracle.py::test_f03_wild_print_of_the_perpetual_for_a_minute_moves_next_to_nothing "
        f"{O}observe.py::test_print_of_a_block_or_a_minute_moves_mark_and_average_by_its_time_only "
        f"{O}observe.py::test_print_that_nobody_follows_stands_for_ten_minutes "
        f"{O}premium_property.py::test_nobody_gains_by_choosing_when_to_observe",
        "no trade here moves the premium: it is that of feeds",
    ),
    row("F04", "the rate follows one maker's skew", reason="cannot apply: no trade moves the rate"),
    row(
        "F06",
        "the first accrual is unbounded",
        f"{S}markets.py::test_a_new_market_starts_its_clock_and_its_funding_now "
        f"{C}update_mark.py::test_a_new_oracles_past_does_not_count "
        f"{C}update_mark.py::test_funding_accrues_for_at_least_300_and_at_most_3600_seconds",
    ),
    row(
        "F07",
        "fees eat more than the margin",
        f"{V}fill.py::test_fill_above_the_highest_fee_reverts "
        f"{S}markets.py::test_a_bad_margin_config_reverts",
    ),
    row(
        "F08",
        "a fee rounds to nothing, or has a wrong scale",
        f"{A}accounting.py::test_f08_fee_of_a_trade_in_pieces_is_never_less "
        f"{V}fill.py::test_fees_are_rounded_against_the_payer",
    ),
    row(
        "F09",
        "the fee is on the margin, not the notional",
        f"{V}fill.py::test_fill_at_the_highest_fee_charges_both_sides",
    ),
    row("F10", "a refund at another rate than the charge", reason="cannot apply: no fee is ever refunded"),
    row(
        "F11",
        "funding runs on while nobody can act",
        f"{V}fill.py::test_fill_while_paused_only_reduces",
        "exits stay open in every mode; over a gap without marks at most an hour is charged",
    ),
    row(
        "F12",
        "one charge is booked twice",
        f"{C}fees.py::test_collect_fees_shares_trading_fees_between_fund_and_treasury "
        f"{C}fees.py::test_collect_fees_twice_sends_nothing_more",
    ),
    row(
        "F13",
        "an amount is read as a rate",
        f"{X}fee_rates.py::test_set_fee_rates_above_the_bound_reverts "
        f"{S}markets.py::test_a_bad_liquidation_config_reverts",
    ),
    row("F14", "income by utilisation is farmed", reason="cannot apply: nobody earns by utilisation"),
    row(
        "R01",
        "rounding favours the user, many times",
        f"{A}accounting.py::test_r01_forty_odd_trades_between_own_accounts_gain_not_a_wei "
        f"{A}accounting.py::test_r01_depositing_and_withdrawing_single_units_gains_nothing",
    ),
    row(
        "R02",
        "division before multiplication",
        "lib/test_fixed_math.py::test_unsigned_division_rounds_as_named",
        "one file divides, and multiplies first",
    ),
    row(
        "R04",
        "a signed figure is cast while negative",
        f"{M}states.py::test_views_answer_for_an_account_below_zero "
        "lib/test_fixed_math.py::test_magnitude_and_positive_part",
    ),
    row(
        "R05",
        "the least signed number has no opposite",
        f"lib/test_fixed_math.py::test_the_least_integer_has_no_magnitude "
        f"{X}trade.py::test_trade_size_above_the_largest_reverts",
    ),
    row(
        "R06",
        "price times size overflows after a jump",
        f"{A}accounting.py::test_r06_price_that_moves_a_million_times_blocks_no_exit "
        f"{M}states.py::test_views_answer_with_a_mark_at_either_end_of_the_legal_prices",
    ),
    row(
        "R07",
        "the last one out is missing a unit",
        f"{A}accounting.py::test_r07_everybody_leaves_after_a_crisis_and_the_last_is_not_stuck",
    ),
    row(
        "R08",
        "a token of more than 18 decimals",
        f"{V}init.py::test_a_part_takes_no_collateral_of_more_than_18_decimals",
    ),
    row("R10", "a rate rounds to zero", f"{O}read.py::test_read_price_past_the_edge_of_the_range_reverts"),
    row(
        "R11",
        "signed division rounds toward zero",
        "lib/test_fixed_math.py::test_signed_division_rounds_as_named",
    ),
    row(
        "R12",
        "division by an empty state",
        f"{V}fill.py::test_fill_of_nothing_reverts {F}views.py::test_views_of_an_empty_fund_answer",
    ),
)

TOKENS = (
    row("K01", "a fee on transfer", f"{V}odd_tokens.py::test_a_fee_on_transfer_is_not_credited"),
    row(
        "K02",
        "no return value, or false",
        f"{V}odd_tokens.py::test_a_token_without_return_value_works_in_and_out "
        f"{V}odd_tokens.py::test_a_deposit_answered_with_false_reverts",
    ),
    row("K03", "a balance that rebases", reason="by design: the collateral must not rebase (trust)"),
    row(
        "K04",
        "somebody is on the token's block list",
        f"{A}liquidation.py::test_l15_blocked_owner_keeps_what_is_left_to_him "
        f"{V}odd_tokens.py::test_a_blocked_owner_withdraws_to_somebody_else",
    ),
    row(
        "K05",
        "the token is paused",
        f"{A}liquidation.py::test_l15_token_that_blocks_the_owner_does_not_stop_his_liquidation "
        f"{V}odd_tokens.py::test_trading_and_transfers_need_no_token",
    ),
    row(
        "K06",
        "the token calls back",
        f"{V}reentrancy.py::test_every_function_is_locked_during_a_transfer "
        f"{F}odd_tokens.py::test_token_that_calls_back_gets_nowhere",
    ),
    row(
        "K08",
        "a transfer of nothing reverts",
        f"{C}fees.py::test_pay_treasury_without_fees_sends_nothing",
    ),
    row(
        "K09",
        "tokens are donated to move a figure",
        f"{V}deposit.py::test_donated_tokens_are_nobodys {F}pay.py::test_pay_never_touches_donations",
    ),
    row(
        "K10",
        "one feed or market is counted twice",
        f"{O}set_feeds.py::test_set_feeds_duplicate_feed_reverts "
        f"{S}markets.py::test_add_market_lists_the_next_id",
    ),
    row("K11", "the margin token loses its peg", reason=COLLATERAL),
    row("K12", "the collateral is changed", reason=EXOTIC),
)

REENTRANCY = (
    row(
        "E01",
        "a callback before the books are changed",
        f"{V}reentrancy.py::test_the_outer_call_is_done_once",
    ),
    row(
        "E02",
        "a callback into a function without the lock",
        f"{V}reentrancy.py::test_every_function_is_locked_during_a_transfer",
    ),
    row(
        "E03",
        "a callback into another contract of the system",
        f"{V}reentrancy.py::test_the_parts_are_of_no_use_to_a_token_that_calls_back "
        f"{E}absorb.py::test_absorb_reentered_by_the_fund_is_not_disturbed "
        f"{R}resolve_reentered_reverts",
    ),
    row(
        "E04",
        "a view is read while the books are half changed",
        f"{V}reentrancy.py::test_views_meant_for_callbacks_answer_during_a_transfer "
        f"{X}reentrancy.py::test_hash_views_answer_during_a_trade",
    ),
    row(
        "E05",
        "the compiler's lock does not hold over functions",
        f"{V}reentrancy.py::test_every_function_is_locked_during_a_transfer "
        "meta/test_storage_layout.py::test_a_part_has_the_vaults_layout",
    ),
    row(
        "E06",
        "a wallet acts while it is asked about a signature",
        f"{X}signatures.py::test_wallet_that_reenters_gets_the_lock",
    ),
    row("E07", "an initialiser is entered twice", reason="cannot apply: constructors only"),
)

SIGNATURES = (
    row(
        "G01",
        "a signature is used twice",
        f"{X}trade.py::test_trade_full_order_again_reverts "
        f"{X}match_orders.py::test_match_orders_replay_of_a_full_taker_reverts",
    ),
    row(
        "G02",
        "a signature is used on another chain or contract",
        f"{X}signatures.py::test_signature_for_another_chain_reverts "
        f"{X}signatures.py::test_signature_for_another_exchange_reverts",
    ),
    row(
        "G03",
        "another form of one signature",
        f"{X}signatures.py::test_signature_other_s_reverts "
        f"{X}signatures.py::test_signature_compact_form_reverts",
    ),
    row(
        "G04",
        "a failed recovery equals the zero address",
        f"{X}signatures.py::test_signature_garbage_for_the_zero_owner_reverts",
    ),
    row(
        "G05",
        "a wallet's signature serves another wallet of the key",
        f"{X}signatures.py::test_wallet_signature_serves_no_other_wallet_of_the_key",
    ),
    row(
        "G07",
        "a cancellation is overtaken, or is somebody else's",
        f"{X}cancel.py::test_cancel_kills_the_order {X}cancel.py::test_cancel_by_anyone_else_reverts",
    ),
    row(
        "G08",
        "one hash for two messages",
        f"{X}properties.py::test_order_hash_is_what_wallets_sign "
        f"{X}signatures.py::test_signature_covers_every_field",
    ),
    row(
        "G09",
        "one nonce for unrelated actions",
        f"{X}lanes.py::test_lanes_do_not_touch_one_another",
        "liquidation carries no nonce",
    ),
    row(
        "G10",
        "a permit is used by somebody else first",
        f"{V}deposit_with_permit.py::test_a_permit_used_by_somebody_else_does_not_block_the_deposit",
    ),
    row("G11", "a signed price is used in several steps", reason="cannot apply: no price is signed"),
    row(
        "G12",
        "signer, operator and submitter are mixed up",
        f"{X}signatures.py::test_signature_of_a_self_made_operator_reverts "
        f"{X}trade.py::test_trade_by_a_stranger_reverts "
        f"{V}fill.py::test_an_operator_has_no_way_to_fill",
    ),
    row("G13", "one receipt is handed in many times", reason="cannot apply: nothing is reimbursed"),
    row(
        "G14",
        "a part of the call is not signed",
        f"{X}signatures.py::test_signature_covers_every_field "
        f"{X}signatures.py::test_signature_fields_tested_are_all_fields",
    ),
    row("G15", "two kinds of order share one lock", reason="cannot apply: one kind, and it locks nothing"),
)

AUTHORITY = (
    row(
        "P01",
        "one of many functions lacks the check of its caller",
        f"{A}access.py::test_p01_tables_cover_every_function_that_writes "
        f"{A}access.py::test_p01_entry_refuses_a_stranger "
        f"{A}access.py::test_p01_no_role_can_do_what_governance_does "
        f"{F}access.py::test_tables_cover_every_function "
        "unit/loss_allocator/test_policy.py::test_tables_cover_every_function",
    ),
    row(
        "P02",
        "a forwarded sender is believed",
        "meta/test_direct_calls.py::test_a_part_refuses_direct_calls",
        "nothing but msg.sender counts",
    ),
    row("P03", "the origin of a transaction is believed", f"{A}access.py::test_p03_d03_no_source_relies_on"),
    row(
        "P04",
        "a delay is wrong by orders of magnitude",
        "unit/timelock/test_timelock.py::test_execute_one_second_early_reverts "
        "unit/timelock/test_timelock.py::test_execute_at_delay_makes_the_call",
    ),
    row(
        "P05",
        "an administrator's act is signed early and used late",
        "unit/timelock/test_timelock.py::test_cancel_stops_operation "
        "integration/test_custody.py::test_every_decision_is_public_for_the_whole_delay "
        "integration/test_custody.py::test_all_keys_together_cannot_skip_the_delay",
        "a scheduled operation waits in public and can be cancelled, but does not expire: see limit 9",
    ),
    row(
        "P07",
        "a pause traps users",
        f"{V}withdraw.py::test_withdraw_goes_on_in_every_mode_and_pause "
        f"{A}liquidation.py::test_2018_07_okex_whale_that_may_not_add_may_still_reduce_and_top_up",
    ),
    row(
        "P08",
        "a pause has a way round it",
        f"{V}fill.py::test_fill_while_paused_only_reduces {T}take_over_works_when_trading_does_not",
        "a pause stops new risk by orders; liquidation goes on on purpose",
    ),
    row(
        "P09",
        "an upgrade moves storage",
        "meta/test_storage_layout.py::test_a_part_has_the_vaults_layout "
        "meta/test_storage_layout.py::test_the_layout_is_the_recorded_one",
        "nothing is upgradeable; the kernel's parts share one layout",
    ),
    row("P10", "an initialiser is called first by somebody else", reason="cannot apply: constructors only"),
    row(
        "P11",
        "a rescue function reaches users' money",
        f"{V}deposit.py::test_donated_tokens_are_nobodys "
        f"{F}withdraw_capital.py::test_withdraw_capital_takes_nothing_but_capital",
        "the vault has no way out but withdrawals, fees and the treasury's part of them",
    ),
    row(
        "P12",
        "ownership moves in one step",
        f"{S}settings.py::test_ownership_moves_in_two_steps {F}access.py::test_ownership_moves_in_two_steps",
    ),
    row(
        "P13",
        "a module is replaced while something is owed",
        f"{A}losses.py::test_p13_fund_that_takes_over_pays_the_claims_of_its_predecessors_time "
        f"{F}set_vault.py::test_set_vault_twice_reverts",
    ),
    row(
        "P14",
        "a market switched off and on gives a free look",
        f"{V}fill.py::test_fill_in_a_closing_market_only_reduces",
        "orders end with their expiry; their signers can cancel at any time",
    ),
    row(
        "P15",
        "a parameter out of range",
        f"{S}markets.py::test_a_bad_margin_config_reverts "
        f"{S}markets.py::test_a_bad_liquidation_config_reverts "
        f"{F}parameters.py::test_limits_past_bound_revert",
    ),
    row("P16", "fees leave that may still be refunded", reason="cannot apply: a fee is final with its fill"),
)

VIEWS = (
    row(
        "V01",
        "a view says other than the call does",
        f"{V}withdraw.py::test_withdrawable_is_what_withdraw_pays "
        f"{F}views.py::test_payable_now_is_what_pay_pays",
    ),
    row(
        "V02",
        "a view reverts when it is needed",
        f"{M}states.py::test_views_answer_for_an_account_below_zero "
        f"{O}status.py::test_status_of_an_unusable_price_is_the_reason_of_read",
    ),
    row(
        "V04",
        "previews ignore pauses and caps",
        f"{P}views.py::test_nothing_can_be_claimed_while_claims_are_open {P}views.py::test_previews_revert",
    ),
    row(
        "V05",
        "an event is missing or wrong",
        "integration/test_crash.py::test_ledger_from_events_is_storage",
    ),
)

GAS = (
    row(
        "D01",
        "a loop over everything there is",
        f"{A}liquidation.py::test_d01_account_in_eight_markets_is_absorbed_within_a_quarter_of_a_block "
        f"{L}deleverage.py::test_cost_does_not_depend_on_the_number_of_members",
    ),
    row(
        "D02",
        "one market or account blocks the rest",
        f"{E}absorb_many.py::test_absorb_many_counts_and_skips "
        f"{C}pay_claims.py::test_older_claim_the_fund_cannot_pay_blocks_nobody",
    ),
    row("D03", "blocks are counted on a second layer", f"{A}access.py::test_p03_d03_no_source_relies_on"),
    row(
        "D04",
        "no time or a long time passes between two calls",
        f"{A}accounting.py::test_d04_funding_missed_before_entry_is_at_most_fifteen_minutes "
        f"{C}update_mark.py::test_clock_moves_by_at_most_300_and_not_over_a_stale_mark",
    ),
    row(
        "D06",
        "just so much gas that an inner call fails",
        f"{C}pay_claims.py::test_too_little_gas_is_no_failure_of_the_fund "
        f"{R}resolve_tier_out_of_gas_is_not_passed_over "
        f"{O}read.py::test_read_no_amount_of_gas_changes_the_median",
    ),
    row(
        "D07",
        "a stranger's dust pushes something back",
        f"{V}deposit.py::test_deposit_by_a_stranger_does_not_move_maturing_profit "
        f"{F}episode_cap.py::test_later_reports_of_none_do_not_push_the_clock",
    ),
    row(
        "D08",
        "the zero account is settled",
        f"{V}deposit.py::test_deposit_for_an_account_without_owner_reverts "
        f"{B}absorb.py::test_absorb_of_nothing_reverts",
    ),
    row(
        "D09",
        "orders are known by their place in a list",
        f"{X}trade.py::test_trade_lane_remembers_the_order",
        "an order is known by its digest, a lane by its number",
    ),
)

MARKETS = (
    row(
        "M01",
        "a market goes with positions in it",
        f"{Z}close_at_settlement.py::test_anybody_closes_for_anybody "
        f"{Z}close_at_settlement.py::test_when_all_have_closed_the_bankruptcy_account_is_empty",
        "a market never goes: once settled it waits until all have closed",
    ),
    row(
        "M02",
        "somebody chooses the final price",
        f"{Z}settle_market.py::test_a_market_is_settled_at_the_price_the_oracle_has_in_this_call "
        f"{Z}settle_market.py::test_an_old_mark_is_renewed_if_the_oracle_has_a_price "
        f"{Z}settle_market.py::test_a_market_is_not_settled_while_its_mark_is_on_its_way",
        "who executes the Timelock's operation chooses the second: see limit 20",
    ),
    row(
        "M03",
        "a final settlement while something lacks",
        f"{Z}settle_market.py::test_a_market_with_an_open_claim_is_not_settled "
        f"{Z}scenarios.py::test_the_fund_pays_a_losers_deficit_before_the_winners_profit_matures "
        f"{Z}entry_points.py::test_the_clock_stands_still_while_a_loss_is_not_paid",
    ),
    row(
        "M04",
        "a closed market keeps money back",
        f"{V}fill.py::test_fill_in_a_closing_market_only_reduces "
        f"{L}deleverage.py::test_deleverage_works_when_trading_is_paused_and_the_market_closed "
        f"{Z}switches.py::test_safe_money_is_withdrawn "
        f"{Z}entry_points.py::test_a_position_there_stands_in_the_way_of_no_withdrawal",
    ),
    row(
        "M05",
        "a closed market skips a check",
        f"{S}markets.py::test_a_status_changes_nothing_else_of_a_trading_market",
    ),
    row("M06", "an id is used again", f"{S}markets.py::test_add_market_lists_the_next_id"),
    row(
        "M07",
        "a frozen account can neither add nor reduce",
        f"{A}liquidation.py::test_2018_07_okex_whale_that_may_not_add_may_still_reduce_and_top_up",
        "no account can be frozen",
    ),
)

OURS = (
    row(
        "X01",
        "a wallet takes its signature back and gives it again",
        f"{A}orders.py::test_x01_wallet_that_takes_its_word_back_fills_no_more_than_it_signed "
        f"{X}trade.py::test_trade_same_order_twice_in_one_call_counts_together",
    ),
    row(
        "X02",
        "a deposit into a stranger's account to have it accept an exchange",
        f"{A}orders.py::test_x02_deposit_into_a_strangers_new_account_lets_no_later_exchange_trade_it "
        f"{V}deposit.py::test_deposit_by_a_stranger_does_not_accept_a_new_exchange",
    ),
    row(
        "X03",
        "lanes and eras bring a dead order back",
        f"{A}orders.py::test_x03_no_lane_or_era_brings_a_dead_order_back",
    ),
    row(
        "X04",
        "whoever matches orders chooses the taker",
        f"{A}orders.py::test_x04_whoever_matches_orders_gives_neither_side_less_than_it_signed "
        f"{X}match_orders.py::test_match_orders_post_only_taker_reverts",
    ),
    row(
        "X05",
        "a group is filled with ticks so that small traders cannot enter",
        f"{V}fill_margin.py::test_a_new_tick_of_a_crowded_market_asks_for_a_larger_position",
        "it takes 64 positions of the least size, or bankruptcies: see limit 4",
    ),
    row(
        "X07",
        "an account is touched just before or between rounds",
        f"{A}adl.py::test_x07_touching_oneself_between_two_rounds_changes_nothing",
    ),
    row(
        "X08",
        "a winner splits over accounts to pay less",
        f"{A}adl.py::test_x08_splitting_a_winner_over_accounts_saves_nothing",
    ),
    row(
        "X09",
        "batches are rolled in a hurry before a loss is recognised",
        f"{A}adl.py::test_x09_many_marks_make_profit_mature_no_sooner_than_one "
        f"{A}adl.py::test_x09_last_seconds_of_a_batch_are_not_skipped_once_the_loss_is_recognised",
    ),
    row(
        "X10",
        "a class of less rank is chosen when the loss is known",
        f"{A}adl.py::test_x10_class_of_less_rank_taken_in_a_crisis_saves_nothing_in_a_round "
        f"{M}set_leverage_class.py::test_nobody_leaves_his_rank_in_mode_adl",
    ),
    row(
        "X11",
        "one's own inventory is bought at a discount",
        f"{A}liquidation.py::test_x11_buying_ones_own_inventory_in_pieces_gains_no_more_than_was_left_in_it "
        f"{B}buy_inventory.py::test_sale_in_pieces_never_discounts_more_than_the_cushion",
    ),
    row(
        "X12",
        "keepers' rewards are farmed with one's own bankrupt accounts",
        f"{A}liquidation.py::test_x12_reward_of_a_bankrupt_account_comes_out_of_past_liquidations_only",
    ),
    row(
        "X13",
        "engine, allocator or their callers choose price, amount or tier",
        f"{A}access.py::test_x13_hostile_policy_contract_takes_nothing_from_a_healthy_market "
        f"{A}adl.py::test_x13_caller_cannot_choose_among_the_tiers_of_a_policy",
    ),
    row(
        "X14",
        "the fund lies or fails in every way",
        f"{A}losses.py::test_x14_fund_that_fails_in_every_way_at_once_delays_nobody_for_good "
        f"{A}losses.py::test_x14_token_payment_that_the_fund_only_claims_to_have_made_counts_for_nothing",
    ),
    row(
        "X16",
        "positions are opened between a loss and its round",
        f"{A}adl.py::test_x16_entering_between_loss_and_round_pays_nothing_and_dilutes_nobody",
    ),
    row(
        "X17",
        "one mark of a hedged account is renewed, the one at which it is bankrupt, and the other is not",
        f"{A}liquidation.py::test_x17_hedged_account_solvent_at_present_prices_is_not_liquidated "
        f"{X}liquidate.py::test_account_in_several_markets_is_judged_at_renewed_marks "
        f"{E}take_over.py::test_account_in_several_markets_is_judged_at_renewed_marks",
        "the engine renews them, the kernel does not insist: see limit 2",
    ),
    row(
        "X18",
        "a position is added to until its entry lies in the mark's own tick, and the addition taken off "
        "after the round",
        f"{A}adl.py::test_x18_entry_diluted_into_the_marks_tick_pays_its_share_of_a_round "
        f"{A}adl.py::test_x18_entry_diluted_next_to_the_marks_tick_does_not_slip_away_with_the_mark "
        f"{V}fill.py::test_adding_until_the_entry_is_near_the_mark_books_the_profit",
        "what a mark that moves further may still hide: see limit 3",
    ),
    row(
        "X19",
        "so little work is allowed that a round cannot be finished, and the tier behind it acts",
        f"{A}adl.py::test_x19_caller_who_allows_too_little_work_gets_a_round_or_nothing "
        f"{R}resolve_never_passes_over_a_tier_that_fails",
        "what it costs: see limit 5",
    ),
    row(
        "X20",
        "a wei is taken over, or bought from an inventory: a tick, and a position, for nothing",
        f"{A}liquidation.py::test_x20_nobody_takes_a_part_below_the_least_size "
        f"{A}liquidation.py::test_x20_dust_of_an_inventory_goes_to_one_account_or_to_none "
        f"{A}liquidation.py::test_x20_small_account_just_below_maintenance_can_be_taken_over_by_a_newcomer",
    ),
    row(
        "X21",
        "a crumb of inventory is left so that the next auction starts at its full discount",
        f"{A}liquidation.py::test_x21_auction_of_what_is_added_is_no_older_than_its_share_of_the_whole "
        f"{A}liquidation.py::test_x21_crumb_left_for_a_week_counts_as_one_auction_old "
        f"{B}buy_inventory.py::test_addition_of_equal_size_makes_the_auction_half_as_old",
    ),
)

INCIDENTS = (
    row(
        "2018-03 OKEx",
        "a few accounts sold a future through its limits, far below the index; all trades were undone",
        f"{V}fill.py::test_fill_beyond_the_band_reverts",
    ),
    row(
        "2018-07 OKEx",
        "a long too large for the book was frozen until it was bankrupt; winners of the week lost 18 %",
        f"{A}liquidation.py::test_2018_07_okex_whale_that_may_not_add_may_still_reduce_and_top_up "
        f"{V}fill_margin.py::test_a_position_up_to_its_cap_passes "
        f"{L}charge_round.py::test_round_takes_the_deficits_share_of_open_profit",
    ),
    row(
        "2019-06 Synthetix",
        "a source of prices reported a thousand times too much while another was down",
        f"{A}oracle.py::test_o10_wild_print_stops_the_mark_and_liquidates_nobody",
    ),
    row(
        "2023-07 Vyper 0.2.15 to 0.3.0",
        "a lock per function instead of one for all let callbacks in",
        f"{V}reentrancy.py::test_every_function_is_locked_during_a_transfer",
    ),
    row(
        "2019-10 Deribit",
        "one bad constituent of an index was not dropped",
        f"{A}oracle.py::test_o10_wild_print_stops_the_mark_and_liquidates_nobody "
        f"{O}read.py::test_read_wild_print_of_a_dead_feed_does_not_count",
    ),
    row(
        "2020-03 BitMEX",
        "liquidation into an empty book, kept from using up the fund by an outage",
        f"{Q}2020_03_bitmex_no_adl_while_the_fund_can_pay.py::test_winners_wait_until_the_fund_is_used_up "
        f"{Q}2020_03_bitmex_no_adl_while_the_fund_can_pay.py::test_nothing_happens_on_a_dead_price",
    ),
    row(
        "2020-03 Deribit",
        "half the fund gone in three days, then capital was added in the middle of it",
        f"{A}losses.py::test_2020_03_deribit_money_added_in_a_crisis_repays_nobody",
    ),
    row(
        "2020-04 Lendf.Me, Agave, Hundred",
        "tokens with hooks called back before the books were changed",
        f"{V}reentrancy.py::test_every_function_is_locked_during_a_transfer",
    ),
    row(
        "2020-05 Binance",
        "two thirds of a fund spent in one day",
        f"{F}daily_cap.py::test_daily_cap_is_shared_by_all_markets "
        f"{F}daily_cap.py::test_no_double_spend_around_midnight",
    ),
    row(
        "2021 FTX",
        "an account exempt from liquidation, with pumped collateral",
        reason="cannot apply: no exemption, one collateral token that is the unit of account",
    ),
    row(
        "2022-05 Drift",
        "winners took their profit out before the losers' deficits were seen",
        f"{Q}2022_05_drift_winners_leave_first.py::test_who_left_and_who_stayed_pay_the_same "
        f"{Q}2022_05_drift_winners_leave_first.py"
        "::test_waiting_with_the_absorption_matures_nothing_once_it_is_known",
    ),
    row(
        "2022-05 Perpetual v1",
        "one thin market emptied the fund",
        f"{A}losses.py::test_2022_05_perp_v1_thin_market_cannot_empty_the_fund",
    ),
    row(
        "2022-05 Venus, Blizz",
        "a feed that had reached its floor was believed",
        f"{A}oracle.py::test_o02_o03_feeds_at_nothing_or_at_their_bounds_make_nobody_poor_or_rich "
        f"{O}read.py::test_read_answer_at_its_bound_reverts",
    ),
    row(
        "2022-06 Solend",
        "one account held most of a market, too large to be liquidated on the market",
        f"{B}absorb.py::test_account_holding_a_whole_sides_open_interest "
        f"{V}fill_margin.py::test_a_position_up_to_its_cap_passes",
    ),
    row(
        "2022-07 Audius",
        "storage of a proxy collided, an initialiser could be called again",
        "meta/test_storage_layout.py::test_the_layout_is_the_recorded_one",
        "no proxy, no initialiser",
    ),
    row(
        "2022 Perpetual v2",
        "bad debt made on purpose; orders healthy at one price and filled at another; liquidation only "
        "with a fund",
        f"{Q}perp_v2_liquidation_with_an_empty_fund.py::test_take_over_needs_no_fund "
        f"{A}trading.py::test_t01_who_gives_at_the_edge_of_the_band_still_holds_initial_margin_at_mark "
        f"{A}trading.py::test_t09_position_opened_at_the_limit_cannot_be_liquidated_at_the_same_mark",
    ),
    row(
        "2022-09 GMX v1",
        "large positions at the oracle's price without impact",
        reason="cannot apply: no pool trades; both sides of a fill sign its price",
    ),
    row(
        "2022-09 Omni bridge",
        "a message was replayed on a fork",
        f"{X}signatures.py::test_signature_for_another_chain_reverts",
    ),
    row(
        "2022-10 Mango",
        "profit of a self-trade in a pumped token was borrowed against",
        f"{A}trading.py::test_t03_paper_profit_of_the_pumped_side_withdraws_nothing "
        f"{A}trading.py::test_t03_profit_realised_out_of_a_pump_pays_for_the_other_side",
    ),
    row(
        "2023-02 Platypus",
        "an emergency exit looked at solvency before it changed the stake",
        f"{V}withdraw.py::test_withdraw_goes_on_in_every_mode_and_pause "
        f"{V}withdraw.py::test_withdraw_one_wei_beyond_a_hole_of_zero_reverts",
    ),
    row(
        "2023-02 dForce, 2023-04 Sentiment",
        "a view was read in the middle of somebody's callback",
        f"{V}reentrancy.py::test_views_meant_for_callbacks_answer_during_a_transfer",
    ),
    row(
        "2023-03 Euler",
        "collateral given away without a look at health, then liquidated by the giver",
        f"{Q}2023_03_euler_donate_and_liquidate_oneself.py::test_no_way_out_leaves_an_account_unhealthy "
        f"{Q}2023_03_euler_donate_and_liquidate_oneself.py::test_liquidating_oneself_never_pays",
    ),
    row(
        "2023-11 dYdX v3",
        "open profit used to add, then withdrawn; the fund paid for the fall",
        f"{A}trading.py::test_2023_11_sushi_profit_used_to_pyramid_is_never_cash "
        f"{A}adl.py::test_2023_11_yfi_deficit_of_a_gap_is_the_winners_not_the_markets_next_door",
        "open profit does count as margin for more of the same market: see limit 8",
    ),
    row(
        "2023-12 Levana",
        "prices of hours ago, and only the attacker could push new ones",
        f"{V}fill.py::test_fill_needs_a_fresh_mark "
        f"{A}oracle.py::test_o01_nobody_trades_or_leaves_on_a_price_that_has_stopped",
        "what is left of it: see limit 1",
    ),
    row(
        "2023-12 Synthetix",
        "a cap in units grew with the price",
        f"{V}fill_margin.py::test_above_a_cap_only_increases_of_open_interest_revert "
        f"{V}fill_margin.py::test_open_interest_up_to_the_cap_in_quote_passes",
    ),
    row(
        "2025-03 Hyperliquid, ETH",
        "profit withdrawn, the rest of the position left to the vault",
        f"{A}trading.py::test_t05_taking_profit_out_leaves_the_backstop_nothing_to_pay",
    ),
    row(
        "2025-03 Hyperliquid, JELLY",
        "long and short of one owner, one side left to the vault and the price squeezed",
        f"{Q}2025_03_jelly_thin_market.py::test_the_winning_side_pays_for_the_losing_one "
        f"{Q}2025_03_jelly_thin_market.py::test_realising_the_winning_side_first_changes_nothing",
    ),
    row(
        "2025-04 KiloEx",
        "anybody could set the price, through a forwarder that believed any sender",
        f"{O}ownership.py::test_only_these_functions_write "
        "meta/test_direct_calls.py::test_a_part_refuses_direct_calls",
    ),
    row(
        "2025-06 Resupply, and shares that round",
        "an exchange rate rounded to nothing; shares of empty pools; slices that pay more than the whole",
        f"{A}accounting.py::test_r01_forty_odd_trades_between_own_accounts_gain_not_a_wei "
        f"{V}fill_margin.py::test_reducing_in_pieces_never_gains",
        "no shares, no exchange rate",
    ),
    row(
        "2025-07 GMX v1",
        "a callback in one contract changed totals of another",
        f"{V}reentrancy.py::test_the_parts_are_of_no_use_to_a_token_that_calls_back "
        f"{E}absorb.py::test_absorb_reentered_by_the_fund_is_not_disturbed",
    ),
    row(
        "2025-08 Hyperliquid, XPL",
        "a thin market squeezed on the venue's own book",
        f"{O}read.py::test_read_index_is_the_median",
        "the mark is the feeds' median, no book of this venue moves it",
    ),
    row(
        "2025-09 Aster, XPL",
        "a limit was lifted before the placeholder of an index was replaced",
        f"{O}set_feeds.py::test_set_feeds_without_a_usable_price_reverts "
        f"{S}markets.py::test_a_new_market_has_no_mark_and_does_not_trade",
    ),
    row(
        "2025-10 Hyperliquid",
        "more was deleveraged than the deficits needed",
        f"{A}adl.py::test_2025_10_no_more_is_taken_than_the_deficit_needs",
    ),
    row("2025-10 Binance", "collateral marked at the venue's own thin book", reason=COLLATERAL),
    row(
        "2025-10 dYdX chain",
        "the last position of a market was liquidated, and the chain halted",
        f"{Q}2025_dydx_whole_open_interest.py::test_fund_pays_and_the_market_goes_on",
    ),
    row(
        "2025-10 Lighter",
        "depositors of a pool did not know they were the last resort",
        f"{F}community_pool.py::test_reserve_and_pool_pay_all_they_have",
        "the pool is for nothing else, and says so: second loss, after the reserve",
    ),
    row(
        "2025-11 Hyperliquid, POPCAT",
        "positions meant to lose, over many wallets, to hurt the pool",
        f"{A}liquidation.py::test_2025_11_popcat_many_wallets_cost_the_fund_no_more_than_one_markets_share",
    ),
    row(
        "2026-01 FutureSwap",
        "an amount was read as a rate",
        f"{X}fee_rates.py::test_set_fee_rates_above_the_bound_reverts "
        f"{S}markets.py::test_a_bad_liquidation_config_reverts",
    ),
    row(
        "2026-04 Drift",
        "acts of administrators signed in advance listed a worthless collateral and lifted every limit",
        "unit/timelock/test_timelock.py::test_execute_one_second_early_reverts "
        "unit/timelock/test_timelock.py::test_cancel_stops_operation",
        "no collateral can be listed; widening a limit waits: see limit 9",
    ),
    row(
        "2026-04 PerpPair",
        "an own pool's skew made paper profit that could be withdrawn",
        f"{A}trading.py::test_t03_paper_profit_of_the_pumped_side_withdraws_nothing",
        "no pool",
    ),
    row(
        "2026-07 Perpetual forks",
        "one function of many lacked the check of its caller",
        f"{A}access.py::test_p01_entry_refuses_a_stranger "
        f"{A}access.py::test_p01_tables_cover_every_function_that_writes",
    ),
)

SECTIONS: dict[str, tuple[Row, ...]] = {
    "Trading and margin": TRADING,
    "Liquidation": LIQUIDATION,
    "Deleveraging": ADL,
    "Bad debt and how it is shared": LOSSES,
    "Community pool": POOL,
    "Fund, queues and limits": FUND,
    "Oracle": ORACLE,
    "Funding, fees and arithmetic": ACCOUNTING,
    "Tokens": TOKENS,
    "Re-entrancy": REENTRANCY,
    "Signatures and orders": SIGNATURES,
    "Authority": AUTHORITY,
    "Views and events": VIEWS,
    "Gas and time": GAS,
    "Life of a market": MARKETS,
    "Particular to this design": OURS,
    "Incidents": INCIDENTS,
}
ROWS = tuple(row for rows in SECTIONS.values() for row in rows)


def answer(row: Row) -> str:
    """The last cell of a row: tests as pytest takes them, from tests/ on, then the reason."""
    return "<br>".join([*(f"`{test}`" for test in row.tests), *([row.reason] if row.reason else [])])


def table() -> str:
    """All sections as Markdown, markers included."""
    lines = [BEGIN, ""]
    for title, rows in SECTIONS.items():
        lines += [f"### {title}", "", "| id | pattern | answered by |", "|---|---|---|"]
        lines += [f"| {row.id} | {row.pattern} | {answer(row)} |" for row in rows]
        lines.append("")
    return "\n".join([*lines, END])


def with_table(document: str) -> str:
    """The document with the table in its place."""
    start, end = document.index(BEGIN), document.index(END) + len(END)
    return document[:start] + table() + document[end:]


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text()))
