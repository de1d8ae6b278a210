"""What the charts share that are written here as SVG text, without a library."""


def axis_steps(most: int) -> tuple[int, int]:
    """Return (distance of the grid's lines, the axis's end): round numbers, at most four lines."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            step = factor * power
            if step * 4 >= most:
                return step, step * max(1, -(-most // step))
        power *= 10
