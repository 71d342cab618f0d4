"""Text that is fit for terminals."""

from node.core.text import printable


def test_ordinary_text_is_left_alone() -> None:
    assert printable("Zoë’s laptop — 2") == "Zoë’s laptop — 2"
    assert printable("a\x1b[2Jb\u202e") == "a�[2Jb�"
