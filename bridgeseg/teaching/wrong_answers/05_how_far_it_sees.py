"""Wrong answers to the checkpoints of chapter 5, each a mistake that people make."""


def halves__doubled(values):
    """Multiplies by two instead of dividing."""
    return values * 2


def halves__rounded(values):
    """Divides as integers do, and drops what is left over."""
    return values // 2
