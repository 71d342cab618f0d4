"""What SFTP counts."""

from dataclasses import dataclass

from node.core.metrics import counters, gauges

MEANINGS = {
    **gauges(
        sessions="Sessions of SFTP that are open now.",
        open_files="Files and directories that are open in them.",
        held_bytes="Bytes of requests and answers that are held for them.",
    ),
    **counters(
        requests="Requests that were answered, well or not.",
        read_bytes="Bytes of files that were read.",
        written_bytes="Bytes of files that were written.",
        refused="Requests that were refused, of which most are names that do not exist.",
        denied="Requests that somebody had no right to.",
        malformed="Packets that were none.",
        turned_away="Sessions that were too many.",
        stalled="Sessions that ended because nothing moved.",
    ),
}


@dataclass(slots=True)
class Counts:
    """Of the whole node."""

    held_bytes: int = 0
    requests: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    refused: int = 0
    denied: int = 0
    malformed: int = 0
    turned_away: int = 0
    stalled: int = 0
