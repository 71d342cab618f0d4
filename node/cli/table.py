"""Plain columns for people. Text from outside is shown without its control characters."""

from collections.abc import Iterable, Sequence

from node.core.text import printable

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Left-aligned columns, two spaces apart, as wide as their longest cell."""
    lines = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(_line(cells, widths) for cells in lines)


def size(count: int | None) -> str:
    """Bytes in the largest unit of which there is a whole one."""
    if count is None:
        return "-"
    power = max(0, min((count.bit_length() - 1) // 10, len(_UNITS) - 1))
    return f"{count / 1024**power:.{1 if power else 0}f} {_UNITS[power]}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
