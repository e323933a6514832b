"""The text of LICENSE.txt for the licence that a project is put under."""

from __future__ import annotations

import re

from packflow_app.errors import UsageError

_MIT = """\
MIT License

Copyright (c) {year} {holder}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
_BY_NAME = """\
Copyright (c) {year} {holder}

SPDX-License-Identifier: {name}

The terms are those of the licence of that name: https://spdx.org/licenses/{name}.html
"""
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}\Z")


def license_text(name: str, holder: str, year: int) -> str:
    """The licence ``name`` (an SPDX identifier such as Apache-2.0); raises UsageError for what cannot be one."""
    if not _IDENTIFIER.match(name):
        raise UsageError(
            f"--license {name!r} is no identifier of a licence.",
            code="license-invalid",
            hint="Write it as SPDX does, for example --license MIT or --license Apache-2.0.",
        )
    return (_MIT if name.upper() == "MIT" else _BY_NAME).format(name=name, holder=holder, year=year)
