"""From a file of config/dialects/ to the dialect that the edge and the fold are told."""

from config.dialect import REQUIRED, DialectFile, read
from config.settings import Settings
from store.dialects import Dialect, ProviderPaths, Speech, words_of


def dialect_of(name: str) -> Dialect:
    """The dialect that a source's settings name. Raises ValueError, as config.dialect.read does."""
    file = read(name)
    return Dialect(
        name=name,
        status=file.answer.status,
        body=file.answer.body,
        prefixes=file.listener.prefixes,
        untyped=file.listener.untyped,
        events=file.events,
        optional=frozenset(REQUIRED) - frozenset(file.envelope.required),
        vague=frozenset(file.envelope.types),
        statuses=frozenset(file.payload.statuses),
        thin=file.payload.thin,
        speech=_speech(file),
        provider=_provider(file),
    )


def speech_of(name: str) -> Speech | None:
    """How a source's bytes are read; None where they are as TMF621 v5 has them."""
    return _speech(read(name))


def speeches(settings: Settings) -> dict[str, Speech]:
    """How the bytes of each source are read that does not speak as TMF621 v5 has it."""
    told = {name: speech_of(source.dialect) for name, source in settings.sources.items()}
    return {name: speech for name, speech in told.items() if speech is not None}


def _provider(file: DialectFile) -> ProviderPaths:
    """Where it does not say where anything is, it is where FIT has it."""
    told, usual = file.provider, ProviderPaths()
    return ProviderPaths(
        told.base_path or usual.base_path, told.paths or usual.paths, told.hub_form
    )


def _speech(file: DialectFile) -> Speech | None:
    speech = Speech(
        envelope=file.envelope.kind,
        bare=file.payload.bare,
        envelope_names=file.envelope.names,
        asks=file.envelope.asks,
        words=words_of(file.names, file.flat, file.listed),
    )
    return None if speech == Speech() else speech
