"""Signing in: by password, second factor, passkey or another party's word; staying so; and proving it again.

django-allauth does the protocols (docs/adr/0045). Here are its adapters, what it is told of this appliance, and the
audit rows of what people do with it.
"""
