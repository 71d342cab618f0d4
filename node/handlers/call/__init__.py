"""`alknet/call`: JSON calls over length-prefixed frames, symmetrical once connected (spec call)."""
