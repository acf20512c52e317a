"""Crash tests that need a C compiler are skipped, with the reason, where there is none."""

import pytest

from tests.crash.disk import NoCompiler, library


@pytest.fixture(scope="session")
def compiler() -> None:
    try:
        library()
    except NoCompiler as error:
        pytest.skip(str(error))
