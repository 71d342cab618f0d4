"""Verify an export of Alknet's audit log, offline: python verify.py EXPORT [OLDER ...] [KEY ...]

It needs Python and `cryptography`, and shares no code with Alknet; docs/audit.md says what it checks. EXPORT must begin
with all that each OLDER export has. KEY is the fingerprint of a node that may have signed, ed25519:…; without one any
signer is taken, and named. Ends with 1 if something is broken.
"""

import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TEXTS = ("at", "actor_kind", "actor_name", "action", "object_type", "object_id", "before", "after", "request_id")
MEMBERS = {
    "audit": {"type", "version", "exported_at"},
    "row": {"type", "number", *TEXTS, "hash"},
    "checkpoint": {"type", "id", "number", "hash", "fingerprint", "signed_at", "signature"},
    "end": {"type", "rows", "checkpoints", "hash"},
}
Broken = type("Broken", (Exception,), {"__doc__": "What is wrong, and where."})


class Export:
    def __init__(self, keys):
        self.keys, self.kind, self.checkpoints = keys, None, []
        self.hashes = [hashlib.sha256(b"alknet/audit/chain/1").digest()]

    def take(self, line):
        entry = json.loads(line, object_pairs_hook=lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else {})
        kind = entry["type"]
        if entry.keys() != MEMBERS[kind] or (kind == "audit") != (self.kind is None) or self.kind == "end":
            raise ValueError
        getattr(self, kind)(entry)
        self.kind = kind

    def audit(self, entry):
        if json.dumps(entry["version"]) != "1":
            raise Broken("the export is of another version")

    def row(self, entry):
        number = len(self.hashes)
        if json.dumps(entry["number"]) != str(number) or self.checkpoints:
            raise Broken(f"row {number} is missing or moved: row {entry['number']} stands in its place")
        texts = [None if text is None else text.encode("utf-8") for text in (str(number), *map(entry.get, TEXTS))]
        lengths = [b"\xff" * 4 if text is None else len(text).to_bytes(4, "big") for text in texts]
        self.hashes.append(hashlib.sha256(b"".join([self.hashes[-1], *lengths, *filter(None, texts)])).digest())
        if entry["hash"] != self.hashes[-1].hex():
            raise Broken(f"row {number} is not what was written, or does not follow from the one before")

    def checkpoint(self, entry):
        number, signer = entry["number"], entry["fingerprint"]
        if json.dumps(entry["id"]) != str(len(self.checkpoints) + 1):
            raise Broken(f"checkpoint {len(self.checkpoints) + 1} is missing")
        if self.keys and signer not in self.keys:
            raise Broken(f"checkpoint {entry['id']} is signed by another key: {signer}")
        lines = ("alknet/audit/checkpoint/1", number, entry["hash"], signer, entry["signed_at"])
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer.removeprefix("ed25519:")))
        key.verify(base64.b64decode(entry["signature"]), "".join(f"{line}\n" for line in lines).encode("ascii"))
        if number >= len(self.hashes):
            raise Broken(f"row {len(self.hashes)} is missing: the log was cut off, and rows up to {number} are signed")
        if entry["hash"] != self.hashes[number].hex():
            raise Broken(f"row {number}, or one before it, is not the one that was signed")
        self.checkpoints.append(entry)

    def end(self, entry):
        found = [len(self.hashes) - 1, len(self.checkpoints), self.hashes[-1].hex()]
        if json.dumps([entry["rows"], entry["checkpoints"], entry["hash"]]) != json.dumps(found):
            raise Broken("the export is not whole")


def verify(lines, keys=()):
    export = Export(keys)
    for place, line in enumerate(lines, start=1):
        try:
            export.take(line)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, InvalidSignature) as error:
            raise Broken(f"line {place} is not as it was written ({type(error).__name__})") from None
    if export.kind != "end":
        raise Broken("the export is not whole")
    return export


if __name__ == "__main__":
    keys, exports = [text for text in sys.argv[1:] if text.startswith("ed25519:")], []
    try:
        for name in [text for text in sys.argv[1:] if text not in keys] or sys.exit(__doc__):
            with open(name, encoding="utf-8", errors="surrogateescape") as lines:
                exports.append(verify(lines, keys))
            newest, older = exports[0].hashes, exports[-1].hashes
            if newest[: len(older)] != older:
                raise Broken("there are other rows in it, or more of them, than in the first export")
    except (Broken, OSError) as problem:
        sys.exit(f"BROKEN: {getattr(problem, 'strerror', problem)} ({name})")
    print(f"{len(exports[0].hashes) - 1} rows hold; checkpoints: {len(exports[0].checkpoints)}")
    for one in exports[0].checkpoints[-1:]:
        print(f"rows up to {one['number']} were signed on {one['signed_at']} by {one['fingerprint']}")
