"""From a row of the log to the page of what it is about."""

from django.test import Client

from apps.forwarding import services as forwarding
from tests.support.panel import ALICE


def test_a_row_leads_to_what_it_is_about_while_that_is_there(panel: Client) -> None:
    rule = forwarding.add_rule(actor=ALICE, action="deny", target="*")
    link = f'href="/forwarding/rule/{rule.pk}/change/"'
    assert link in panel.get("/").content.decode()
    forwarding.remove_rules(actor=ALICE, rule_ids=[rule.pk])
    assert link not in panel.get("/").content.decode()
