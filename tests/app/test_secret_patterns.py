"""Planted secrets of every kind are found; what is as random and no secret raises no alarm.

No secret stands here whole: scanners of repositories would take it for a real one.
"""

from __future__ import annotations

import base64
import hashlib
import random
import string
import uuid
from pathlib import Path

import pytest

from packflow_app.actions.validate import ValidateOptions, validate
from packflow_app.checks.personal_data import kinds_in
from packflow_app.checks.secret_patterns import find_passwords, find_secrets
from packflow_app.runtime import GoldenEvents
from projects import HONEST, write_project

ALNUM = string.ascii_letters + string.digits
B64 = ALNUM + "+/"
URL = ALNUM + "-_"
HEX = "0123456789abcdef"
AWS = string.ascii_uppercase + "234567"
source = random.Random(7)


def of(alphabet: str, length: int) -> str:
    return "".join(source.choice(alphabet) for _ in range(length))


PLANTED = [
    ("a private key", "-----BEGIN " + "RSA PRIVATE KEY-----\n" + of(B64, 64) + "\n"),
    ("a private key", "-----BEGIN " + "PRIVATE KEY-----\\n" + of(B64, 64)),
    ("a private key", "-----BEGIN " + "OPENSSH PRIVATE KEY-----\n" + of(B64, 70)),
    ("a private key", "-----BEGIN " + "PGP PRIVATE KEY BLOCK-----\nVersion: 2\n\n" + of(B64, 64)),
    ("a private key of PuTTY", "PuTTY-User-Key-File-" + "3: ssh-ed25519"),
    ("a key ID of AWS", "AKIA" + of(AWS, 16)),
    ("a key ID of AWS", 'key = "ASIA' + of(AWS, 16) + '"'),
    ("a secret key of AWS", "aws_secret_access_key = " + of(B64, 40)),
    ("a secret key of AWS", '"SecretAccessKey": "' + of(B64, 40) + '"'),
    ("an API key of Google", "AIza" + of(URL, 35)),
    ("an OAuth secret of Google", "GOCSPX-" + of(URL, 28)),
    ("a storage key of Azure", "AccountName=x;AccountKey=" + of(B64, 86) + "==;EndpointSuffix=core"),
    ("an access key of Azure", "Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=" + of(B64, 43) + "="),
    ("a signed URL of Azure", "https://x.blob.core.windows.net/c?sv=1&sig=" + of(ALNUM, 43) + "%3D"),
    ("a token of GitHub", "ghp_" + of(ALNUM, 36)),
    ("a token of GitHub", "ghs_" + of(ALNUM, 36)),
    ("a token of GitHub", "github_pat_" + of(ALNUM, 22) + "_" + of(ALNUM, 59)),
    ("a token of GitLab", "glpat-" + of(URL, 20)),
    ("a token of Slack", "xoxb-" + of(string.digits, 12) + "-" + of(ALNUM, 24)),
    ("a webhook of Slack", "https://hooks.slack.com/services/T" + of(AWS, 8) + "/B" + of(AWS, 8) + "/" + of(ALNUM, 24)),
    ("a live key of Stripe", "sk_live_" + of(ALNUM, 24)),
    ("an API key of Anthropic", "sk-ant-api03-" + of(URL, 40)),
    ("an API key of OpenAI", "sk-proj-" + of(URL, 40)),
    ("an API key of OpenAI", "sk-" + of(ALNUM, 20) + "T3BlbkFJ" + of(ALNUM, 20)),
    ("a token of Hugging Face", "hf_" + of(string.ascii_letters, 34)),
    ("a token of PyPI", "pypi-AgEI" + of(URL, 80)),
    ("a token of npm", "npm_" + of(ALNUM, 36)),
    ("a key of SendGrid", "SG." + of(URL, 22) + "." + of(URL, 43)),
    ("a token of Databricks", "dapi" + of(HEX, 32)),
    ("a token of DigitalOcean", "dop_v1_" + of(HEX, 64)),
    ("a token of Vault", "hvs." + of(URL, 30)),
    ("a token of Telegram", of(string.digits[1:], 9) + ":AA" + of(URL, 33)),
    ("a JSON web token", "eyJ" + of(URL, 20) + ".eyJ" + of(URL, 40) + "." + of(URL, 43)),
    ("a URL with a password", "postgres://svc:h8rf" + "4kQz@db.internal:5432/x"),
    ("a URL with a password", "--extra-index-url https://ci:h8rf" + "4kQz@pypi.internal/simple"),
    ("a URL with a password", "redis://:h8rf" + "4kQz@cache:6379/0"),
    ("a connection string with a password", "Server=db;Database=x;User Id=sa;Password=h8rf" + "4kQz;"),
]


@pytest.mark.parametrize(("kind", "text"), PLANTED, ids=[f"{n}-{kind}" for n, (kind, _) in enumerate(PLANTED)])
@pytest.mark.parametrize("around", ["{}", "a\n\nvalue: {}\nb", 'x = "{}"  # why', '{{"a": ["{}"]}}'])
def test_a_planted_secret_is_found_and_not_given_back(kind: str, text: str, around: str) -> None:
    whole = around.format(text)
    found = list(find_secrets(whole.encode()))
    assert kind in [one.kind for one in found]
    first = next(one for one in found if one.kind == kind)
    assert first.line <= whole.count("\n") + 1
    longest = max(text.replace("\\n", "\n").split(), key=len)
    assert longest not in first.shown
    assert len(first.shown) < 45


PASSWORDS = [
    ('password = "h8rf4kQz"', False),
    ("DB_PASSWORD: 'h8rf4kQz'", False),
    ('config["api_key"] = "h8rf4kQz"', False),
    ('{"client_secret": "h8rf4kQz"}', False),
    ("auth_token: str = 'h8rf4kQz'", False),
    ("password: h8rf4kQz", True),
    ("  secret_key = h8rf4kQz", True),
    ("export API_KEY=h8rf4kQz", True),
]


@pytest.mark.parametrize(("text", "plain"), PASSWORDS)
def test_a_password_that_is_written_down_is_found(text: str, plain: bool) -> None:
    (found,) = find_passwords(f"first line\n{text}\n".encode(), plain=plain)
    assert found.line == 2
    assert "h8rf4kQz" not in found.shown


HARMLESS = {
    "sha256 manifest": "".join(f"{hashlib.sha256(bytes([n])).hexdigest()}  file{n}.bin\n" for n in range(200)),
    "lock": "".join(
        f"numpy=={n}.0 \\\n    --hash=sha256:{hashlib.sha256(bytes([n])).hexdigest()}\n" for n in range(200)
    ),
    "uuids": "\n".join(str(uuid.UUID(int=source.getrandbits(128))) for _ in range(500)),
    "base64 image": "data:image/png;base64," + base64.b64encode(source.randbytes(200_000)).decode(),
    "base64 lines": base64.encodebytes(source.randbytes(200_000)).decode(),
    "hex": source.randbytes(200_000).hex(),
    "weights as text": "\n".join(str(source.random()) for _ in range(20_000)),
    "weights as JSON": str([source.gauss(0, 1) for _ in range(20_000)]),
    "a notice of a key": 'if text.startswith("-----BEGIN ' + 'PRIVATE KEY-----"):\n    raise ValueError\n',
    "a public key": "-----BEGIN PUBLIC KEY-----\n" + of(B64, 64) + "\n-----END PUBLIC KEY-----\n",
    "a documented AWS key": "AKIAIOSFODNN7" + "EXAMPLE",
    "URLs": "https://example.org:8443/a@b https://user@example.org/ postgres://user:${PASSWORD}@db/x git@github:a/b",
    "a placeholder in a URL": "postgres://user:password@localhost/db amqp://guest:<secret>@host/ http://u:***@h/",
    "tokenizer": '{"unk_token": "[UNK]", "pad_token": "<pad>", "token": "hello", "bos_token_id": "101"}',
    "code": 'def login(password: str, key=None):\n  token = os.environ["API_TOKEN"]\n  secret = get("secret/path")\n',
    "configuration": "password: ${DB_PASSWORD}\napi_key: <your-key>\nsecret: null\ntoken: changeme\n",
    "events": '{"password": "", "user_key": 7, "primary_key": "id"}\n{"passwordAge": "3 days"}\n',
    "prose": "Passwords are never kept; an API key: see the manual.\nKey=value pairs.\nSecret: nobody knows it.\n",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_secret_raises_no_alarm(name: str) -> None:
    text = HARMLESS[name].encode()
    assert list(find_secrets(text)) == []
    assert list(find_passwords(text, plain=True)) == []


def test_a_line_may_say_that_it_holds_none() -> None:
    text = f"a = 'ghp_{of(ALNUM, 36)}'  # packflow: not-a-secret\npassword = 'h8rf4kQz'  # packflow: not-a-secret\n"
    assert list(find_secrets(text.encode())) == []
    assert list(find_passwords(text.encode(), plain=False)) == []


def test_names_of_keys_are_data_in_events_and_not_in_code() -> None:
    name = "ASIA" + of(AWS, 16)
    event = f'{{"userIdentity": {{"accessKeyId": "{name}"}}}}'.encode()
    assert [one.kind for one in find_secrets(event)] == ["a key ID of AWS"]
    assert list(find_secrets(event, in_events=True)) == []
    assert kinds_in(GoldenEvents([event], [b"{}"])) == ["names of access keys in userIdentity.accessKeyId"]


def test_secrets_are_found_wherever_they_would_ship_and_not_elsewhere(tmp_path: Path) -> None:
    token = "ghp_" + of(ALNUM, 36)
    big = b"x" * 50 + b"\n"
    folder = write_project(
        tmp_path / "model",
        HONEST,
        files={
            ".env": f"TOKEN={token}\n",
            "samples/more.ndjson": f'{{"a": "{token}"}}\n',
            "notes.txt": f"{token}\n".encode("utf-16"),
            "large.txt": big * 400_000 + f"{token}\n".encode() + big,
            "weights.bin": b"\0" + token.encode(),
            "ignored.txt": token,
            ".gitignore": "ignored.txt\n",
            "golden/inputs.ndjson": f'{{"n": 1, "t": "{token}"}}\n',
            "golden/outputs.ndjson": '{"double": 2}\n',
        },
    )
    done = validate(ValidateOptions(folder, run=False))
    places = {(finding.file, finding.line) for finding in done.findings if finding.check == "secret"}
    assert places == {("samples/more.ndjson", 1), ("notes.txt", 1), ("large.txt", 400_001), ("golden/inputs.ndjson", 1)}
    assert not any(token in str(finding) for finding in done.findings)
