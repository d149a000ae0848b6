"""Scales of the ledger, and exact conversion between decimal strings and integers.

Quote amounts, base sizes, prices, rates and ratios are integers with 18 decimals; cohort factors have 27.
Nothing in the package puts an amount into a float, but fund_size, whose figures are estimates.
"""

import re

WAD = 10**18
RAY = 10**27
WAD_TO_RAY = 10**9
# Maturing profit is kept in steps of 1e-9 quote.
MATURING_STEP = 10**9
# A factor (cohort A, batch H) below 2**-40 counts as nothing.
FACTOR_FLOOR = RAY >> 40
MIN_PRICE = 10**12
MAX_PRICE = 10**30
MAX_MARKETS = 32

_DECIMAL = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?")


def to_units(amount: str | int, decimals: int = 18) -> int:
    """The integer for a decimal string: to_units("1.5", 6) == 1500000.

    Exact: raises ValueError for more digits than `decimals`, for exponents, for anything that is no number.
    A whole number may be given as an int; floats are refused with TypeError.
    """
    if isinstance(amount, bool) or not isinstance(amount, str | int):
        raise TypeError(f"an amount is a decimal string, not {type(amount).__name__}")
    match = _DECIMAL.fullmatch(str(amount).strip().replace("_", ""))
    if match is None:
        raise ValueError(f"not a decimal number: {amount!r}")
    sign, whole, fraction = match[1], match[2], (match[3] or "").rstrip("0")
    if len(fraction) > decimals:
        raise ValueError(f"{amount} has more than {decimals} decimals")
    units = int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or "0")
    return -units if sign == "-" else units


def to_decimal(units: int, decimals: int = 18) -> str:
    """The shortest exact decimal string for an integer: to_decimal(1500000, 6) == "1.5"."""
    whole, fraction = divmod(abs(units), 10**decimals)
    text = str(whole)
    if fraction:
        text += "." + str(fraction).rjust(decimals, "0").rstrip("0")
    return "-" + text if units < 0 else text


def wad(amount: str | int) -> int:
    """`to_units` with 18 decimals."""
    return to_units(amount, 18)


def to_tokens(quote: int, token_decimals: int) -> int:
    """Token units of a quote amount (18 decimals). Raises ValueError if it is no whole number of units."""
    tokens, rest = divmod(quote, 10 ** (18 - token_decimals))
    if rest:
        raise ValueError(f"{to_decimal(quote)} is finer than a token unit ({token_decimals} decimals)")
    return tokens


def to_quote(tokens: int, token_decimals: int) -> int:
    """Quote (18 decimals) of an amount in token units: exact."""
    return tokens * 10 ** (18 - token_decimals)
