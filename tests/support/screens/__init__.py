"""The panel as people see it: an appliance that looks lived in, the list of its pages, and how one is judged."""
