"""Words of messages and notes."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun, e.g. `1 frame`, `2,000 frames`.

    Args:
        number: 0 or more.
        noun: singular.
        plural: of the noun; None: it ends in s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
