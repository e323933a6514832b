"""What the site is made of beside docs/: pages made of the code, and the two files at the top of the checkout."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from reference_pages import pages  # noqa: E402 - beside this file

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

FROM_THE_TOP = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_FETCHED = re.compile(r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="(?:https?:)?//[^"]*"')
_INTERNAL = re.compile(r'\b(?:href|src)="([^"#?:&]+)["#?]')
_EXTERNAL = re.compile(r'href="(https?://[^"#]+)')


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401 - mkdocs' configuration
    """Add the pages that are no files below docs/."""
    found = {**pages(), **{place: (ROOT / name).read_text("utf-8") for name, place in FROM_THE_TOP.items()}}
    for place, text in found.items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:  # noqa: ANN401 - mkdocs' page
    """Links that lead out of docs/ in the checkout lead to the page that the site makes of that file."""
    for name, place in FROM_THE_TOP.items():
        markdown = re.sub(rf"\]\((?:\.\./)+{re.escape(name)}", f"]({_up(page.file.src_uri)}{place}", markdown)
        if page.file.src_uri in FROM_THE_TOP.values():
            markdown = markdown.replace("](docs/", "](").replace(f"]({name}", f"]({place}")
    return re.sub(r"(?s)<!-- test: .*?-->\n", "", markdown)


def _up(place: str) -> str:
    return "../" * place.count("/")


def on_post_build(config: Any) -> None:  # noqa: ANN401 - as above
    """Refuse what a browser would fetch from elsewhere, and links to files that are not there; list those outside."""
    links = set()
    for path in sorted(Path(config.site_dir).rglob("*.html")):
        text = path.read_text("utf-8")
        if fetched := [tag for tag in _FETCHED.findall(text) if 'rel="canonical"' not in tag]:
            raise PluginError(f"{path.name} fetches from elsewhere: {fetched[0]}")
        gone = [link for link in _INTERNAL.findall(text) if not (path.parent / unquote(link)).exists()]
        if gone and path.name != "404.html":  # which may be shown for any address
            raise PluginError(f"{path.name} links to {gone[0]}, which is not there")
        links |= {*_EXTERNAL.findall(text)}
    print("\n".join(["links that lead elsewhere, not followed:", *(f"  {link}" for link in sorted(links))]))  # noqa: T201
