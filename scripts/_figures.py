"""How scripts show amounts and shares, and understand which market is meant."""

from lastline.units import to_decimal

PLACES = 6


def market_id(text: str, names: dict[int, str]) -> int:
    """A market's id from its id or name. Raises ValueError if there is none."""
    for number, name in names.items():
        if text.lower() == name.lower() or text == str(number):
            return number
    raise ValueError(f"There is no market {text}: there are {', '.join(names.values())}.")


def figure(amount: int | None, places: int = PLACES) -> str:
    """An amount cut to some places; "-" for none."""
    if amount is None:
        return "-"
    step = 10 ** (18 - places)
    return f"{to_decimal(abs(amount) // step * step * (1 if amount >= 0 else -1))}"


def percent(share: int | None) -> str:
    """A share as per cent, cut to two places."""
    return "-" if share is None else figure(share * 100, 2) + " %"


def fine_percent(share: int | None) -> str:
    """A small share as per cent, cut to four places."""
    return "-" if share is None else figure(share * 100, 4) + " %"
