"""URLs of submodules, relative ones as Git reads them."""

from __future__ import annotations

import pytest

from tiphys.core.source.submodules import submodule_url
from tiphys.model.errors import UnsupportedRepositoryError


@pytest.mark.parametrize(
    ("parent", "written", "url"),
    [
        ("https://h/o/r.git", "https://g/x", "https://g/x"),
        ("https://h/o/r.git", "../lib.git", "https://h/o/lib.git"),
        ("https://h/o/r/", "../../p/lib/", "https://h/p/lib"),
        ("https://h/o/r", "./sub", "https://h/o/r/sub"),
        ("https://u:p@h/o/r", "../lib", "https://u:p@h/o/lib"),
        ("git@h:o/r.git", "../lib", "git@h:o/lib"),
        ("git@h:r.git", "../lib", "git@h:lib"),
        ("ssh://git@h:22/o/r", "../.././lib", "ssh://git@h:22/lib"),
        ("file:///srv/r", "../lib", "file:///srv/lib"),
        ("file:///srv/r", "file:///other", "file:///other"),
        ("https://h/r", "git@g:lib", "git@g:lib"),
    ],
)
def test_where_a_submodule_is(parent: str, written: str, url: str) -> None:
    assert submodule_url(parent, written) == url


@pytest.mark.parametrize(
    ("parent", "written"),
    [
        ("https://h/r", "../../evil/x"),
        ("https://h/r", "../../../../../x"),
        ("git@h:r", "../../x"),
        ("h:r", "../../../x"),
        ("https://h/r", "file:///etc"),
        ("https://h/r", "../../../../file:///etc"),
        ("https://h/r", "-u./payload"),
        ("https://h/r", "ext::sh"),
        ("https://h/r", "http://169.254.169.254/x"),
        ("https://h/r", "../x\ny"),
        ("https://h/r", ""),
    ],
)
def test_what_is_refused(parent: str, written: str) -> None:
    with pytest.raises(UnsupportedRepositoryError, match="is refused") as caught:
        submodule_url(parent, written)
    assert "\n" not in str(caught.value)
