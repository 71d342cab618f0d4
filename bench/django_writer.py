"""The control plane's side: changes one peer after the other through the real service.

Run as `python -m bench.django_writer ACTION PEERS WRITES PAUSE_MS`, with ALKNET_DATA and DJANGO_SETTINGS_MODULE set.
ACTION is `describe` (another display name), `disable` or `lock`. Prints `ready`, waits for a line, and then prints for
each write its number, the time at which its commit returned, in unix nanoseconds, and the milliseconds that it took.
"""

import sys
import time

import django

from bench.sample import peer_name


def main(action: str, peers: int, writes: int, pause_ms: float) -> None:
    django.setup()
    from apps.audit.actors import SYSTEM
    from apps.locks.services import lock
    from apps.peers.services import set_peers_enabled, update_peer

    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(writes):
        began = time.perf_counter()
        if action == "disable":
            set_peers_enabled(actor=SYSTEM, peer_ids=[peer_name(number)], enabled=False)
        elif action == "lock":
            lock(actor=SYSTEM, target_kind="peer", target=peer_name(number), reason="bench")
        else:
            name = peer_name(number * 7919 % peers)
            update_peer(actor=SYSTEM, peer_id=name, changes={"display_name": f"write {number}"})
        print(number, time.time_ns(), round((time.perf_counter() - began) * 1000, 3), flush=True)
        time.sleep(pause_ms / 1000)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
