"""Changes of the store's rows by chance: for hypothesis, and for seeded histories."""

import random

from hypothesis import strategies as st

from node.core.grants import Grant
from node.core.locks import Lock
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.terms import WHOLE_PEER, Term, term_id
from tests.support.store_changes import (
    Change,
    drop_term,
    give,
    lift,
    place,
    put,
    put_api_key,
    reinsert,
    remove,
    remove_api_key,
    remove_sealed,
    rename,
    rename_lock,
    rename_sealed,
    replace_grant,
    replace_lock,
    replace_term,
    reseal,
    revoke,
    seal,
    set_term,
    spoil,
    spoil_grant,
    spoil_lock,
    spoil_sealed,
    spoil_term,
    toggle,
)
from tests.support.store_model import (
    ENDS,
    GRANT_IDS,
    GRANT_JUNK,
    GRANTED,
    JUNK,
    KEYS,
    LOCK_IDS,
    LOCK_JUNK,
    LOCKS,
    NAMES,
    PREFIXES,
    PROVIDERS,
    SEALED,
    SEALED_JUNK,
    TERM_JUNK,
    TOKENS,
)

names = st.sampled_from(NAMES)
lock_ids = st.sampled_from(LOCK_IDS)
placed = st.builds(lambda name, fields: Lock(name, *fields), lock_ids, st.sampled_from(LOCKS))
term_ids = st.builds(term_id, names, st.sampled_from([WHOLE_PEER, *KEYS]))
terms = st.builds(
    lambda name, key, end: Term(term_id(name, key), name, key, end),
    names,
    st.sampled_from([WHOLE_PEER, *KEYS]),
    st.sampled_from(ENDS),
)
grant_ids = st.sampled_from(GRANT_IDS)
grants = st.builds(
    lambda grant_id, name, given, end: Grant(grant_id, name, *given, end),
    grant_ids,
    names,
    st.sampled_from(GRANTED),
    st.sampled_from(ENDS),
)
providers, sealed = st.sampled_from(PROVIDERS), st.sampled_from(SEALED)
entries = st.builds(
    PeerEntry,
    peer_id=names,
    fingerprints=st.lists(st.sampled_from(KEYS), unique=True, max_size=2).map(tuple),
    auth_token_hash=st.none() | st.sampled_from(TOKENS),
    scopes=st.lists(st.sampled_from(["a", "b"]), unique=True, max_size=2).map(tuple),
    enabled=st.booleans(),
)
api_keys = st.builds(ApiKeyEntry, st.sampled_from(PREFIXES), st.sampled_from(TOKENS), expires_at=st.none() | st.just(9))
changes = st.one_of(
    entries.map(put),
    entries.map(reinsert),
    st.builds(spoil, names, st.sampled_from(JUNK)),
    names.map(remove),
    st.builds(rename, names, names),
    names.map(toggle),
    api_keys.map(put_api_key),
    st.sampled_from(PREFIXES).map(remove_api_key),
    st.builds(seal, providers, sealed),
    st.builds(reseal, providers, sealed),
    st.builds(spoil_sealed, providers, st.sampled_from(SEALED_JUNK)),
    providers.map(remove_sealed),
    st.builds(rename_sealed, providers, providers),
    terms.map(set_term),
    terms.map(replace_term),
    st.builds(spoil_term, term_ids, st.sampled_from(TERM_JUNK)),
    term_ids.map(drop_term),
    grants.map(give),
    grants.map(replace_grant),
    st.builds(spoil_grant, grant_ids, st.sampled_from(GRANT_JUNK)),
    grant_ids.map(revoke),
    placed.map(place),
    placed.map(replace_lock),
    st.builds(spoil_lock, lock_ids, st.sampled_from(LOCK_JUNK)),
    lock_ids.map(lift),
    st.builds(rename_lock, lock_ids, lock_ids),
)
commits = st.lists(changes, max_size=4)
pages = st.integers(1, 5)


def random_peer(chance: random.Random) -> PeerEntry:
    return PeerEntry(
        chance.choice(NAMES),
        tuple(chance.sample(KEYS, chance.randint(0, 2))),
        chance.choice([None, *TOKENS]),
        tuple(chance.sample(["a", "b"], chance.randint(0, 2))),
        enabled=chance.random() < 0.7,
    )


def random_change(chance: random.Random) -> Change:
    peer, other = random_peer(chance), chance.choice(NAMES)
    name = peer.peer_id
    lock_id = chance.choice(LOCK_IDS)
    key = chance.choice([WHOLE_PEER, *KEYS])
    term = Term(term_id(name, key), name, key, chance.choice(ENDS))
    grant_id = chance.choice(GRANT_IDS)
    grant = Grant(grant_id, chance.choice(NAMES), *chance.choice(GRANTED), chance.choice(ENDS))
    prefix, provider, blob = chance.choice(PREFIXES), chance.choice(PROVIDERS), chance.choice(SEALED)
    return chance.choice(
        [
            put(peer),
            put(peer),
            reinsert(peer),
            spoil(name, chance.choice(JUNK)),
            remove(name),
            rename(name, other),
            toggle(name),
            put_api_key(ApiKeyEntry(prefix, chance.choice(TOKENS))),
            remove_api_key(prefix),
            seal(provider, blob),
            reseal(provider, blob),
            spoil_sealed(provider, chance.choice(SEALED_JUNK)),
            remove_sealed(provider),
            rename_sealed(provider, chance.choice(PROVIDERS)),
            set_term(term),
            replace_term(term),
            spoil_term(term.term_id, chance.choice(TERM_JUNK)),
            drop_term(term.term_id),
            give(grant),
            replace_grant(grant),
            spoil_grant(grant_id, chance.choice(GRANT_JUNK)),
            revoke(grant_id),
            place(Lock(lock_id, *chance.choice(LOCKS))),
            replace_lock(Lock(lock_id, *chance.choice(LOCKS))),
            spoil_lock(lock_id, chance.choice(LOCK_JUNK)),
            lift(lock_id),
            rename_lock(lock_id, chance.choice(LOCK_IDS)),
        ]
    )
