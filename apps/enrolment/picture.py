"""A code as a picture to be scanned."""

import segno
from django.utils.safestring import SafeString, mark_safe


def qr_svg(code: str) -> SafeString:
    """An SVG for the page itself, which takes no style and no script. In capitals a code means the same and needs less.

    Dark on light, in a dark page as well: many a scanner reads nothing else.
    """
    picture = segno.make(code.upper(), error="m", micro=False)
    text = picture.svg_inline(svgclass="alknet-qr", lineclass="", omitsize=True, dark="#000", light="#fff", border=4)
    return mark_safe(text)  # noqa: S308 - made of numbers alone
