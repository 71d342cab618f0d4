"""The version of aioquic that this package is written against. Apart, so that it can be read without the engine."""

WANTED = "1.7.2"
