import pytest


@pytest.fixture
def messages():
    """A list for the warnings of a writer."""
    return []
