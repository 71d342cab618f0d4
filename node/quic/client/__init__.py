"""Making connections: to several addresses at once, over a socket of one's own or the listener's."""
