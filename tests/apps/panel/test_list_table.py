"""The cells of the panel's lists are what the theme makes of them."""

from django.test import Client
from django.test.html import parse_html
from unfold.templatetags.unfold_list import items_for_result

from apps.panel.templatetags.panel_list import list_table
from tests.apps.panel.test_query_budgets import fill

FEW = 3
LISTS = (
    "/peers/peer/",
    "/peers/peer/?q=peer&o=-3",
    "/peers/apikey/",
    "/locks/lock/",
    "/auth/user/",
    "/audit/auditentry/",
)


def test_the_same_cells(panel: Client) -> None:
    fill(range(FEW))
    for path in LISTS:
        context = panel.get(path).context
        cl = context["cl"]
        forms = cl.formset.forms if cl.formset else [None] * len(cl.result_list)
        theirs = ["".join(items_for_result(cl, *row)) for row in zip(cl.result_list, forms, strict=True)]
        theirs = [row.replace(" nowrap", "") for row in theirs]  # a class that no style knows
        ours = [str(row["cells"]) for row in list_table({"request": context["request"]}, cl)["rows"]]
        assert len(ours) >= FEW or path == "/auth/user/"
        for our, their in zip(ours, theirs, strict=True):
            assert parse_html(our) == parse_html(their)
