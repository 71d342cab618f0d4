"""UDP sockets as QUIC wants them: read in batches, written in runs, never fragmented."""
