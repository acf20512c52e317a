"""Named people and programs that read the pages: what each may see, and how each proves who it is.

Without any, whoever reaches the pages is one of `anonymous`; then only this machine may reach them.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from config.proofs import Hash, Table, hashes_of

Role = Literal["analyst", "power"]
"""analyst: no SQL, no notifications as received, personal data masked. power: everything."""

PersonName = Annotated[
    str, StringConstraints(pattern=r"^[^\s/:\x00-\x1f\x7f][^/:\x00-\x1f\x7f]{0,63}$")
]


class Person(Table):
    """One person or program."""

    role: Role = Field(
        default="analyst",
        description="analyst: no SQL, no notifications as received, personal data masked. power: "
        "everything.",
    )
    passwords: tuple[Hash, ...] = Field(
        default=(), description="Hashes of the passwords to sign in with; `listener token hash`."
    )
    passwords_file: Path | None = Field(default=None, description="More of them, one a line.")
    passwords_environment: str = Field(
        default="", description="Name of a variable with more of them, separated by spaces."
    )
    tokens: tuple[Hash, ...] = Field(
        default=(), description="Hashes of tokens for programs; `listener token new`."
    )
    tokens_file: Path | None = Field(default=None, description="More of them, one a line.")
    tokens_environment: str = Field(
        default="", description="Name of a variable with more of them, separated by spaces."
    )

    def password_hashes(self) -> list[str]:
        """All of them, perhaps none. Raises ValueError, which names the knob."""
        told = (self.passwords, self.passwords_file, self.passwords_environment)
        return hashes_of("passwords", *told) if any(told) else []

    def token_hashes(self) -> list[str]:
        """All of them, perhaps none. Raises ValueError, which names the knob."""
        told = (self.tokens, self.tokens_file, self.tokens_environment)
        return hashes_of("tokens", *told) if any(told) else []


Anonymous = Literal["", "nobody", "analyst", "power"]


def role_of_anonymous(anonymous: Anonymous, *, people: bool) -> Role | None:
    """What somebody who proves nothing may see; None: nothing. `people`: whether any are named."""
    if anonymous in ("analyst", "power"):
        return anonymous
    return None if people or anonymous == "nobody" else "power"
