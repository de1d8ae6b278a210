"""Small pieces of text that several messages share."""


def counted(number: int, noun: str) -> str:
    """Return "1 face", "2 faces"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
