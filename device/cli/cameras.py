"""List the cameras that are plugged in: number, name and modes.

python -m device list
"""

from .command import Parser, exit_with


def main(argv: list[str] | None = None) -> None:
    Parser("device list", __doc__).parse_args(argv)
    from ..camera.discovery import table
    from ..camera.v4l2 import V4l2

    print(table(V4l2()))


if __name__ == "__main__":
    exit_with(main)
