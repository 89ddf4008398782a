"""What a host keeps of a button it was paired with."""

from dataclasses import dataclass, field

MATERIAL_BYTES = 20
_IDENTIFIER_BYTES = 4


def is_duo_serial(serial: str) -> bool:
    """Tell whether a serial number is that of a Flic Duo. Source: fact sheet section 2."""
    return serial.startswith("D")


@dataclass(frozen=True, slots=True)
class Pairing:
    """The secret shared with one button, and what it said about itself when it was paired.

    Attributes:
        serial: printed on the button, such as `BA00-A00001`; names the button for ever.
        address: as its certificate says, `80:E4:DA:70:00:01`; it never changes.
        address_type: 0 public, 1 static random.
        material: 20 bytes, secret: pairing identifier (4), pairing key (16).
        uuid: 16 bytes in hexadecimal; the button's own identity.
        name: what its owner calls it.
        is_duo: a Flic Duo: it has two buttons.
        simulated: vouched for by another root key than the vendor's: a rehearsal.
    """

    serial: str
    address: str
    address_type: int
    material: bytes = field(repr=False)
    uuid: str
    name: str
    is_duo: bool
    simulated: bool

    def __post_init__(self) -> None:
        if len(self.material) != MATERIAL_BYTES:
            raise ValueError(f"pairing material is {MATERIAL_BYTES} bytes, not {len(self.material)}")

    @property
    def identifier(self) -> bytes:
        """What the host tells the button to be recognised; not secret, it is sent in the clear."""
        return self.material[:_IDENTIFIER_BYTES]

    @property
    def key(self) -> bytes:
        """The long-term secret that every session key is derived from."""
        return self.material[_IDENTIFIER_BYTES:]
