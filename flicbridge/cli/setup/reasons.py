"""Why a message could not leave, in the words of whoever sets a practice up. Pure.

The reasons themselves are English, in logs, history and measurements alike. What is met most often in a setup
is said here as people would say it; whatever else happens is shown as it came.
"""

import re
from typing import Final

from flicbridge.cli.shared import Translate
from flicbridge.texts import N_

KNOWN: Final[tuple[tuple[str, str], ...]] = (
    (
        r"HTTP 401|login refused",
        N_("the user name, password or key is not the one that is expected there"),
    ),
    (r"refused: HTTP 403", N_("access is denied there (HTTP 403)")),
    (r"refused: HTTP 404", N_("nothing is at this address (HTTP 404): is it complete?")),
    (r"refused: HTTP (?P<code>\d+)", N_("refused by the other side (HTTP {code})")),
    (r"^HTTP (?P<code>5\d\d)", N_("the other side is in trouble itself (HTTP {code})")),
    (r"[Cc]onnection refused", N_("nobody answers at this address and port: is it right, is the app on?")),
    (r"name of the server cannot be found", N_("there is no server of this name: is it right?")),
    (
        r"No route to host|Network is unreachable|Host is down",
        N_("the network does not lead there: is the device on, and in the same network?"),
    ),
    (
        r"certificate is not trusted",
        N_("the certificate of the server is not trusted: is the address right, and this machine's clock?"),
    ),
    (r"TLS failed", N_("no encrypted connection came about: are encryption and port right?")),
    (r"no (?:answer|connection) within (?P<seconds>[\d.]+) s", N_("no answer within {seconds} s")),
    (r"web page answered|sent elsewhere", N_("a web page answered: is it the right address?")),
    (r"no mail server", N_("what answered is no mail server: are host and port right?")),
    (r"not SMS Gateway", N_("what answered is not the app SMS Gateway for Android: is the address right?")),
    (r"phone gave up", N_("the phone took the message and could not send it: has it a network and credit?")),
    (
        r"whsec_ and base64|bytes instead of",
        N_("this is no signing key: it begins with whsec_, and nothing of it may be missing"),
    ),
    (
        r"readable for anybody",
        N_("without encryption anybody could read it on the way: choose STARTTLS or TLS"),
    ),
)


def worded(reason: str, _: Translate) -> str:
    """A reason as people understand it, if it is a known one."""
    for pattern, text in KNOWN:
        if found := re.search(pattern, reason):
            return _(text).format(**found.groupdict())
    return reason
