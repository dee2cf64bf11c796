"""Hooks of mkdocs: what the pages link to outside docs/ comes along, so that no link is dead."""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
BESIDE = "project"
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)(?=[)#])")


def target(page: str, link: str) -> str:
    """Return the path of a link from the root of the project; `page` is one from docs/."""
    home = PurePosixPath("docs", page).parent
    if page.startswith(f"{BESIDE}/"):
        home = PurePosixPath(page).relative_to(BESIDE).parent
    return normpath(str(home / link))


def address(page: str, link: str) -> str:
    """Return the link as it is on the site."""
    path = target(page, link)
    if path == "docs" or (ROOT / path).is_dir():
        return link
    there = path.removeprefix("docs/") if path.startswith("docs/") else f"{BESIDE}/{path}"
    return relpath(there, str(PurePosixPath(page).parent))


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add every file that a page links to, and those that these link to."""
    waiting = [file.src_uri for file in files.documentation_pages()]
    while waiting:
        page = waiting.pop()
        text = files.src_uris[page].content_string
        for link in LINK.findall(text):
            path = target(page, link)
            uri = f"{BESIDE}/{path}"
            outside = not path.startswith(("docs/", "..")) and (ROOT / path).is_file()
            if outside and uri not in files.src_uris:
                files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
                waiting += [uri] if uri.endswith(".md") else []
    return files


def on_page_markdown(markdown: str, *, page: Any, **_more: Any) -> str:
    """Lead links to where their files lie on the site; folders, which it has not, become words."""
    uri = page.file.src_uri
    folders = re.compile(r"(?<!!)\[([^\]]+)\]\((?!\w+:|#)([^)#\s]+)\)")
    markdown = folders.sub(
        lambda found: found[1] if (ROOT / target(uri, found[2])).is_dir() else found[0], markdown
    )
    return LINK.sub(lambda found: address(uri, found[0]), markdown)
