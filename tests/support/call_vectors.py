"""The frame vectors of spec call §15: the prefix in hex, and the body."""

import json
from typing import Any

VECTORS = {
    "V1": (
        "0000006d",
        '{"type":"call.requested","id":"req-1","payload":{"input":{"path":"/etc/hosts"},"operationId":"/fs/readFile"}}',
    ),
    "V2": (
        "000000b6",
        '{"type":"call.requested","id":"req-2","payload":{"auth_token":"alk_test","forwarded_for":{"id":"alice",'
        '"resources":{},"scopes":["fs:read"]},"input":{},"operationId":"/docker/start"}}',
    ),
    "V3": ("00000048", '{"type":"call.responded","id":"req-1","payload":{"output":{"msg":"hi"}}}'),
    "V4": ("0000003e", '{"type":"call.responded","id":"one","payload":{"output":null}}'),
    "V5": ("00000033", '{"type":"call.completed","id":"sub-1","payload":{}}'),
    "V6": ("00000031", '{"type":"call.aborted","id":"req-9","payload":{}}'),
    "V7": (
        "0000007f",
        '{"type":"call.error","id":"req-3","payload":{"code":"NOT_FOUND","message":"operation not found: fs/missing",'
        '"retryable":false}}',
    ),
    "V8": (
        "00000097",
        '{"type":"call.error","id":"req-4","payload":{"code":"FILE_NOT_FOUND","message":"file not found: /etc/x",'
        '"retryable":false,"details":{"path":"/etc/x"}}}',
    ),
    "V9": (
        "0000006e",
        '{"type":"call.error","id":"req-5","payload":{"code":"TIMEOUT","message":"request timed out",'
        '"retryable":true}}',
    ),
    "V10": (
        "00000077",
        '{"type":"call.error","id":"req-6","payload":{"code":"FORBIDDEN","message":"authentication required",'
        '"retryable":false}}',
    ),
}
WIRE = {name: bytes.fromhex(prefix) + body.encode() for name, (prefix, body) in VECTORS.items()}
EVENTS: dict[str, Any] = {name: json.loads(body) for name, (_, body) in VECTORS.items()}
