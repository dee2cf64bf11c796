"""A storage behind HTTP for the tests that need one."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.material.stores import s3_server


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A file system on a server of our own."""
    import s3fs

    with s3_server():
        yield s3fs.S3FileSystem(skip_instance_cache=True)
