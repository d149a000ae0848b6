"""The contracts' rounding (contracts/lib/fixed_math.vy): the direction is in the name."""


def mul_div_down(a: int, b: int, divisor: int) -> int:
    """a * b / divisor toward zero, for a, b >= 0."""
    return a * b // divisor


def mul_div_up(a: int, b: int, divisor: int) -> int:
    """a * b / divisor away from zero, for a, b >= 0."""
    return (a * b + divisor - 1) // divisor


def signed_mul_div_floor(a: int, b: int, divisor: int) -> int:
    """a * b / divisor toward minus infinity."""
    return a * b // divisor


def signed_mul_div_ceil(a: int, b: int, divisor: int) -> int:
    """a * b / divisor toward plus infinity."""
    return -(-a * b // divisor)


def positive_part(a: int) -> int:
    """max(a, 0)"""
    return max(a, 0)


def saturating_sub(a: int, b: int) -> int:
    """max(a - b, 0)"""
    return max(a - b, 0)
