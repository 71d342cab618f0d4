"""Plain TCP: one protocol on one port, for programs that know no QUIC. Whatever it carries has to be safe by itself."""
