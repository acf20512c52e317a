"""From the settings to the door of the pages: who may read them, and where they may be served."""

import secrets
from pathlib import Path

import click

from config.options import UnusableSettings
from config.people import Person as PersonSettings
from config.settings import Settings
from config.throttle import Throttle
from dashboards.door import Door, is_this_machine
from dashboards.people import People, Person, Role
from dashboards.sessions import Sessions, key_in


class NotAllowed(click.ClickException):
    """The settings would let strangers read; exit code 2."""

    exit_code = 2


def check_listening(settings: Settings) -> None:
    """Raise NotAllowed where others than this machine could read without signing in."""
    host, anonymous = settings.dashboards_host, settings.anonymous_role
    if anonymous and not (settings.dashboards_allow_anonymous or is_this_machine(host)):
        raise NotAllowed(
            f"{host} can be reached by others, and nobody has to sign in to the pages: anybody "
            "could read every ticket. Name who may ([people.NAME]: see config/example.toml), serve "
            "them on 127.0.0.1, or set dashboards_allow_anonymous where a proxy asks who it is."
        )


def door(settings: Settings, directory: Path) -> Door:
    """Who may come in; where people are named, keeps the key of their sessions in the data directory.

    Raises UnusableSettings, whose text names the knob, and OSError.
    """
    named = people(settings)
    return Door(
        people=named,
        sessions=Sessions(key_in(directory) if named else secrets.token_hex()),
        throttle=Throttle(settings.failed_attempts, settings.failed_attempts_per_minute),
        anonymous=settings.anonymous_role,
        anonymous_elsewhere=settings.dashboards_allow_anonymous,
    )


def people(settings: Settings) -> People:
    """Who is named, by what each proves itself with. Raises UnusableSettings, whose text names the
    knob.
    """
    return People({name: _person(name, one) for name, one in settings.people.items()})


def roles(settings: Settings) -> frozenset[Role]:
    """The roles that somebody has."""
    found = {one.role for one in settings.people.values()}
    return frozenset(found | ({settings.anonymous_role} if settings.anonymous_role else set()))


def _person(name: str, told: PersonSettings) -> Person:
    try:
        person = Person(told.role, told.password_hashes(), told.token_hashes())
    except ValueError as error:
        raise UnusableSettings(f"people.{name}.{error}") from error
    if not (person.passwords or person.tokens):
        raise UnusableSettings(f"people.{name}: give it passwords, tokens or both")
    return person
