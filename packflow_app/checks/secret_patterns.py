"""Known kinds of secrets, by the form that whoever issues them gives them; nothing is guessed from randomness.

Hashes, UUIDs, weights and images in base64 are as random as a key is, so that an alarm for randomness is one for them.
A secret is never given back whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ALLOWED = b"packflow: not-a-secret"
"""Words on a line that say that what is there is none."""

KEY_NAME = "a key ID of AWS"
_SHOWN = 4


@dataclass(frozen=True)
class SecretFound:
    """A secret in a text: what it is, its line from 1, and as much of it as may be shown."""

    kind: str
    line: int
    shown: str


@dataclass(frozen=True)
class _Kind:
    """``words``: one of them is in every text that has such a secret, so that most texts are left unread.

    Group 1 of the pattern, where there is one, is the secret; what is before it may be shown.
    """

    name: str
    words: tuple[bytes, ...]
    pattern: re.Pattern[bytes]


def _kind(name: str, words: str, pattern: str) -> _Kind:
    return _Kind(name, tuple(word.encode() for word in words.split()), re.compile(pattern.encode()))


_B64 = r"[A-Za-z0-9+/]"
_KINDS = (
    _kind(
        "a private key",
        "PRIVATE",
        rf"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]{{0,300}}?{_B64}{{40}}",
    ),
    _kind("a private key of PuTTY", "PuTTY-User-Key-File-", r"PuTTY-User-Key-File-\d: \S+"),
    _kind(KEY_NAME, "AKIA ASIA", r"(?<![A-Za-z0-9+/=_-])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9+/=_-])"),
    _kind(
        "a secret key of AWS",
        "secret_access_key SecretAccessKey SECRET_ACCESS_KEY",
        rf"(?i:secret_?access_?key)[\"']?\s*[:=]\s*[\"']?({_B64}{{40}})(?![A-Za-z0-9+/=])",
    ),
    _kind("an API key of Google", "AIza", r"(?<![A-Za-z0-9_-])AIza[0-9A-Za-z_-]{35}(?![A-Za-z0-9_-])"),
    _kind("an OAuth secret of Google", "GOCSPX-", r"GOCSPX-[0-9A-Za-z_-]{28}(?![A-Za-z0-9_-])"),
    _kind("a storage key of Azure", "AccountKey=", rf"AccountKey=({_B64}{{86}}==)"),
    _kind("an access key of Azure", "SharedAccessKey=", rf"SharedAccessKey=({_B64}{{43}}=)"),
    _kind("a signed URL of Azure", "sig=", r"[?&]sig=((?:[A-Za-z0-9]|%2[BbFf]|[+/]){43,}(?:%3[Dd]|=))"),
    _kind("a token of GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", r"(?<![A-Za-z0-9_])gh[pousr]_[A-Za-z0-9]{36,}"),
    _kind("a token of GitHub", "github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _kind("a token of GitLab", "glpat-", r"(?<![A-Za-z0-9_-])glpat-[A-Za-z0-9_-]{20,}"),
    _kind("a token of Slack", "xoxa- xoxb- xoxp- xoxr- xoxs- xapp-", r"(?:xox[abprs]|xapp)-[0-9A-Za-z-]{10,}"),
    _kind("a webhook of Slack", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9+/]{30,})"),
    _kind("a live key of Stripe", "sk_live_ rk_live_", r"(?<![A-Za-z0-9_])[rs]k_live_[0-9A-Za-z]{16,}"),
    _kind("an API key of Anthropic", "sk-ant-", r"(?<![A-Za-z0-9_-])sk-ant-[A-Za-z0-9_-]{20,}"),
    _kind("an API key of OpenAI", "sk-", r"(?<![A-Za-z0-9_-])sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}"),
    _kind("an API key of OpenAI", "T3BlbkFJ", r"(?<![A-Za-z0-9_-])sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    _kind("a token of Hugging Face", "hf_", r"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{34}(?![A-Za-z0-9])"),
    _kind("a token of PyPI", "pypi-AgEI", r"pypi-AgEI[A-Za-z0-9_-]{50,}"),
    _kind("a token of npm", "npm_", r"(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    _kind("a key of SendGrid", "SG.", r"(?<![A-Za-z0-9_.])SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _kind("a token of Databricks", "dapi", r"(?<![A-Za-z0-9])dapi[0-9a-f]{32}(?:-\d)?(?![A-Za-z0-9])"),
    _kind("a token of DigitalOcean", "_v1_", r"(?<![A-Za-z0-9])do[opr]_v1_[0-9a-f]{64}"),
    _kind("a token of Vault", "hvs. hvb.", r"(?<![A-Za-z0-9_.])hv[sb]\.[A-Za-z0-9_-]{24,}"),
    _kind("a token of Telegram", ":AA", r"(?<![0-9A-Za-z:])\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    _kind(
        "a JSON web token", "eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"
    ),
    _kind(
        "a URL with a password",
        "://",
        r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:/@\"'<>{}()]{0,100}:([^\s/@\"'<>]{1,200})@[A-Za-z0-9\[]",
    ),
    _kind(
        "a connection string with a password",
        "assword= assword\x20= pwd= Pwd= PWD= ASSWORD=",
        r"(?i:(?:server|host|data source|uid|user id|username)\s*=[^;\"'\r\n]{1,100};[^\"'\r\n]{0,200}?"
        r"(?:password|pwd)\s*=\s*)([^;\"'\s]{3,})",
    ),
)
_ASSIGNED = re.compile(
    rb"(?i)([A-Za-z0-9_.-]*(?:passw(?:or)?d|passphrase|pwd|secret|api[_-]?key|(?:auth|access|api|bearer|refresh)[_-]?token"
    rb"|(?:private|access|account|client|secret|encryption)[_-]?key))[\"']?\]?[ \t]*(?::[ \t]*str[ \t]*)?(?:=|:)[ \t]*"
    rb"(?:[rbuRBU]?\"([^\"\r\n]+)\"|[rbuRBU]?'([^'\r\n]+)')"
)
_ASSIGNED_PLAIN = re.compile(
    rb"(?im)^[ \t-]*(?:export[ \t]+)?([A-Za-z0-9_.-]*(?:passw(?:or)?d|passphrase|pwd|secret|api[_-]?key"
    rb"|(?:auth|access|api)[_-]?token|(?:private|access|account|client|secret)[_-]?key))[ \t]*[:=][ \t]*"
    rb"([^\s\"'#{\[|>&*!%@,][^\s#(]*)[ \t]*(?:#.*)?\r?$"
)
_WORDS_OF_ASSIGNMENTS = (b"pass", b"pwd", b"secret", b"key", b"token")
# What stands where a password will stand.
_PLACEHOLDER = re.compile(
    rb"(?i)[<\[{(*.$%_x0-9-]*|.*(?:\$\{|\$\(|\{\{|\{\w*\}|%\(|%s|<[^>]*>|example|changeme|change[_-]me|placeholder|your[_-]|dummy"
    rb"|redacted|\*\*\*|xxxx|\.\.\.).*|(?:my|the|a|db|user|root|test|fake)?[_-]?(?:passw(?:or)?d|pass|pwd|secret|token|key|user"
    rb"|username|none|null|true|false|string|str|env|optional|required)|\$\w+|os\.\S*|env\S*"
)
_SHORTEST_PASSWORD = 6


def find_secrets(text: bytes, *, in_events: bool = False) -> Iterator[SecretFound]:
    """Every secret of a known form in ``text``, by kind and then by place.

    ``in_events``: names of keys do not count. In code they stand beside their key; the logs of a cloud hold them, as
    they hold names of users, in every event, and they open nothing.
    """
    for kind in _KINDS:
        if (in_events and kind.name == KEY_NAME) or not any(word in text for word in kind.words):
            continue
        for found in kind.pattern.finditer(text):
            secret = found[1] if kind.pattern.groups else found[0]
            if not (b"EXAMPLE" in secret or _is_placeholder(kind, secret) or _is_allowed(text, found)):
                yield SecretFound(kind.name, _line(text, found.start()), _shown(secret))


def find_passwords(text: bytes, *, plain: bool) -> Iterator[SecretFound]:
    """Values that are assigned to what is called a password or a key; ``plain``: also without quotes, as in YAML.

    Only the name is shown.
    """
    if not any(word in text.lower() for word in _WORDS_OF_ASSIGNMENTS):
        return
    for pattern in (_ASSIGNED, _ASSIGNED_PLAIN) if plain else (_ASSIGNED,):
        for found in pattern.finditer(text):
            value = next(group for group in found.groups()[1:] if group is not None)
            if _is_password(value) and not _is_allowed(text, found):
                name = found[1].decode("ascii", "replace")
                yield SecretFound("a password or key", _line(text, found.start()), f"{name} = …")


def _is_password(value: bytes) -> bool:
    is_text = b" " in value or b"/" in value[:2] or value.count(b".") > 2  # a sentence, a path, a dotted name
    return len(value) >= _SHORTEST_PASSWORD and not is_text and _PLACEHOLDER.fullmatch(value) is None


def _is_placeholder(kind: _Kind, secret: bytes) -> bool:
    return kind.pattern.groups > 0 and _PLACEHOLDER.fullmatch(secret) is not None


def _is_allowed(text: bytes, found: re.Match[bytes]) -> bool:
    """Whether the line says that it is none."""
    start = text.rfind(b"\n", 0, found.start()) + 1
    end = text.find(b"\n", found.start())
    return ALLOWED in text[start : end if end >= 0 else len(text)]


def _line(text: bytes, place: int) -> int:
    return text.count(b"\n", 0, place) + 1


def _shown(secret: bytes) -> str:
    """The first characters, which say of what kind it is, and how long it is."""
    if secret.startswith(b"-----"):
        return secret[: secret.index(b"-----", 5) + 5].decode("ascii", "replace")
    kept = secret[: min(_SHOWN, len(secret) // 4)].decode("ascii", "replace")
    return f"{kept}… ({len(secret)} characters)"
