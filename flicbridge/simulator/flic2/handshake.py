"""How a simulated Flic 2 proves itself, and checks what hosts prove. Source: fact sheet sections 6 to 8."""

import hmac

from flicbridge.press.flic2 import crypto
from flicbridge.press.flic2.wire.verify import (
    FullVerifyRequest2,
    FullVerifyResponse1,
    FullVerifyResponse2,
    TestIfReallyUnpairedRequest,
    TestIfReallyUnpairedResponse,
)
from flicbridge.simulator.flic2.memory import Host, Identity, Memory
from flicbridge.simulator.keys import issue_certificate


def show_certificate(
    identity: Identity, tmp_id: bytes, random: bytes, *, is_public: bool, address: str | None
) -> FullVerifyResponse1:
    """Answer the first request of a pairing.

    Args:
        identity: of the button.
        tmp_id: of the request.
        random: 8 bytes.
        is_public: whether a host may pair now.
        address: what to certify instead of the button's true address, or None.
    """
    certified = address or identity.address
    public_key = identity.public_key
    return FullVerifyResponse1(
        tmp_id=tmp_id,
        signature=issue_certificate(certified, identity.address_type, public_key).signature,
        address=certified,
        address_type=identity.address_type,
        public_key=public_key,
        random=random,
        link_is_encrypted=False,
        is_public=is_public,
        has_bond_info=False,
    )


def _secret(
    identity: Identity, button_random: bytes, host_public: bytes, host_random: bytes, flags: int
) -> bytes | None:
    shared = crypto.x25519_shared(identity.private_key, host_public)
    if shared is None:
        return None
    variant = issue_certificate(identity.address, identity.address_type, identity.public_key).variant
    return crypto.full_verify_secret(shared, variant, button_random, host_random, flags)


def check_verifier(
    identity: Identity, button_random: bytes, request: FullVerifyRequest2
) -> crypto.FullVerifyKeys | None:
    """Return the keys of a new pairing, or None if the host has not computed the same ones."""
    secret = _secret(identity, button_random, request.public_key, request.random, request.flags)
    if secret is None:
        return None
    keys = crypto.full_verify_keys(secret)
    return keys if hmac.compare_digest(keys.verifier, request.verifier) else None


def introduce(memory: Memory) -> FullVerifyResponse2:
    """Say who we are, to a host that has just paired."""
    return FullVerifyResponse2(
        app_credentials_match=False,
        cares_about_app_credentials=False,
        is_duo=memory.identity.is_duo,
        uuid=memory.identity.uuid,
        name=memory.name,
        firmware=memory.firmware,
        battery_raw=memory.battery_raw,
        serial=memory.identity.serial,
    )


def prove_whether_paired(
    identity: Identity, button_random: bytes, request: TestIfReallyUnpairedRequest, host: Host | None
) -> TestIfReallyUnpairedResponse | None:
    """Answer a host that was told we do not know it, so that it can tell us from a liar.

    Args:
        identity: of the button.
        button_random: of the certificate shown before.
        request: with the token that only a holder of the pairing can compute.
        host: the pairing of that identifier, if we have one.
    """
    secret = _secret(identity, button_random, request.public_key, request.random, 0)
    if secret is None:
        return None
    if host is not None:
        token = crypto.pairing_token(secret, host.material)
        if hmac.compare_digest(token, request.token):
            return TestIfReallyUnpairedResponse(crypto.pairing_exists_result(secret, token))
    return TestIfReallyUnpairedResponse(crypto.pairing_gone_result(secret, request.token))
