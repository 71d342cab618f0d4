"""A client of the REST API of a panel: `RestClient`, what it gives (`models`), and how it refuses (`errors`)."""

from node.client.rest.address import Address, parse_address
from node.client.rest.client import RestClient
from node.client.rest.transport import Transport, Trust

__all__ = ["Address", "RestClient", "Transport", "Trust", "parse_address"]
