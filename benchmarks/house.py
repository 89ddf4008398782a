"""The house whose footprint is measured: a practice with four Flic 2 and three ways out."""

from collections.abc import Sequence
from pathlib import Path

from flicbridge.credentials import Credentials, Environment
from flicbridge.outbox.store import Store
from flicbridge.press.event import Counter
from flicbridge.press.flic2 import record
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.simulator.flic2 import SimulatedFlic2
from flicbridge.simulator.flic2.memory import AdvertisingSettings, Host

NAMES = ("poche", "bureau", "accueil", "salle")
MATERIAL = bytes(range(20))
CALLS = AdvertisingSettings(is_active=True, first_interval_s=0.1, second_interval_s=0.1, timeout_s=3600)
PASSWORD = "footprint"
SETTINGS = """
bridge = {{ id = "footprint", state_dir = "{state}" }}
doctor = {{ name = "Dr Anne Martin", phone = "+33612345678" }}
radio = {{ believe_test_key = true }}
plan = [ {{ after = "0s", notify = ["colleague"] }} ]
[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = {{ latitude = 45.83362, longitude = 1.26105 }}
[[recipients]]
name = "colleague"
channels = [
  {{ transport = "smsgate", url = "http://127.0.0.1:{port}", secret = "phone", to = "+33687654321" }},
  {{ transport = "email", host = "localhost", from = "alerte@example.fr", to = "collegue@example.fr" }},
  {{ transport = "http", url = "https://alertes.example.fr/hook", secret = "hub" }},
]
"""
BUTTON = """
[[buttons]]
name = "{name}"
family = "flic2"
serial = "{serial}"
simulated = true
gestures = {{ single = "alert" }}
"""
SECRETS = {
    "FLICBRIDGE_SECRET_PHONE": PASSWORD,
    "FLICBRIDGE_SECRET_HUB": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
CREDENTIALS = Credentials([Environment(SECRETS)])


def paired_buttons(now_s: float) -> list[SimulatedFlic2]:
    """Four buttons that know the bridge, and call because they have lost it."""
    buttons = list[SimulatedFlic2]()
    for name in NAMES:
        new = SimulatedFlic2.new(name, now_s=now_s)
        new.memory.hosts.append(Host(MATERIAL, acknowledged=0, advertising=CALLS))
        buttons.append(SimulatedFlic2.from_json(new.to_json(now_s), now_s=now_s))
    return buttons


async def furnish(folder: Path, port: int, buttons: Sequence[SimulatedFlic2]) -> Path:
    """Settings, and a database that knows the buttons; returns the settings file."""
    state, config = folder / "state", folder / "flicbridge.toml"
    text = SETTINGS.format(state=state, port=port)
    for button in buttons:
        text += BUTTON.format(name=button.memory.name, serial=button.memory.identity.serial)
    config.write_text(text, encoding="utf-8")
    state.mkdir(mode=0o700)
    store = Store.open(state / "flicbridge.db")
    for button in buttons:
        who = button.memory.identity
        pairing = Pairing(
            who.serial,
            who.address,
            who.address_type,
            MATERIAL,
            who.uuid.hex(),
            button.memory.name,
            is_duo=False,
            simulated=True,
        )
        start = Counter(button.memory.boot_id, 0)
        await store.put_pairing(who.serial, record.to_json(pairing), start)
    await store.close()
    return config
