"""Keys and signatures made by the app: what is written, for whom, and every reason not to."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shlex
import stat
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from packflow_app.actions.keygen import KeygenOptions, keygen
from packflow_app.actions.sign import SigningKey, SignOptions, sign
from packflow_app.cli import passphrases
from packflow_app.errors import CheckFailedError, NotFoundError, NotWritableError, UsageError
from packflow_app.packaging.private_keys import is_encrypted, load_private_key, write_key_pair
from packflow_app.packaging.signing import command_signer, key_signer, write_signature
from packflow_app.runtime import ArchiveFormatError, PackflowError, check_signature, read_public_key
from runtime.archives import archive_of, tiny_files

NO_PASSPHRASE = KeygenOptions(no_passphrase=True)
CONTENT = b"some file"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
posix = pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX: run it there")


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A private key without passphrase, its public key beside it."""
    return write_key_pair(tmp_path / "keys" / "mine.key", None).private


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "tiny-1.0.zip"
    path.write_bytes(archive_of(tiny_files()))
    return path


def private_pem(key: object, passphrase: bytes | None = None, form: str = "PKCS8") -> bytes:
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    form_of = getattr(serialization.PrivateFormat, form)
    return key.private_bytes(serialization.Encoding.PEM, form_of, lock)  # type: ignore[attr-defined,no-any-return]


def key_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "some.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


class TestKeygen:
    def test_two_files_that_belong_together(self, tmp_path: Path) -> None:
        done = keygen(KeygenOptions(tmp_path / "new" / "release.key", no_passphrase=True))
        assert (done.private, done.public) == (tmp_path / "new" / "release.key", tmp_path / "new" / "release.pub")
        assert key_signer(done.private, None).key == read_public_key(done.public) == done.key
        assert done.key.fingerprint == hashlib.sha256(done.public.read_bytes()).hexdigest()
        assert {path.name for path in done.private.parent.iterdir()} == {"release.key", "release.pub"}

    @posix
    def test_the_private_key_is_its_owners_whatever_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            done = write_key_pair(tmp_path / "a.key", None)
        finally:
            os.umask(before)
        assert stat.S_IMODE(done.private.stat().st_mode) == 0o600

    def test_a_passphrase_encrypts_it(self, tmp_path: Path) -> None:
        done = keygen(KeygenOptions(tmp_path / "a.pem", passphrase="grüße"))
        assert done.encrypted
        assert done.private.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        assert key_signer(done.private, "grüße").key == done.key

    @pytest.mark.parametrize("passphrase", [None, ""])
    def test_none_is_written_without_a_passphrase_unless_that_is_meant(
        self, tmp_path: Path, passphrase: str | None
    ) -> None:
        with pytest.raises(UsageError) as caught:
            keygen(KeygenOptions(tmp_path / "a.key", passphrase))
        assert caught.value.code == "passphrase-missing"
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("existing", ["a.key", "a.pub"])
    def test_what_is_there_is_never_replaced(self, tmp_path: Path, existing: str) -> None:
        (tmp_path / existing).write_text("precious")
        with pytest.raises(UsageError, match="already exists") as caught:
            write_key_pair(tmp_path / "a.key", None)
        assert caught.value.code == "target-exists"
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(existing, "precious")]

    def test_force_replaces_both(self, pair: Path) -> None:
        before = pair.read_bytes()
        done = write_key_pair(pair, None, force=True)
        assert pair.read_bytes() != before
        assert key_signer(pair, None).key == read_public_key(done.public)

    def test_a_private_key_named_as_a_public_one(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="name of the public key"):
            write_key_pair(tmp_path / "a.pub", None)

    @posix
    def test_a_folder_that_takes_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(NotWritableError):
            write_key_pair(tmp_path / "file" / "a.key", None)
        assert [path.name for path in tmp_path.iterdir()] == ["file"]


class TestPrivateKeys:
    def refused(self, path: Path, code: str, words: str = "", passphrase: str | None = None) -> None:
        with pytest.raises((UsageError, NotFoundError)) as caught:
            load_private_key(path, passphrase)
        assert caught.value.code == code
        assert words in caught.value.title
        assert caught.value.hint
        assert caught.value.file == str(path)

    def test_forms_that_are_read(self, tmp_path: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        for form in ("PKCS8", "TraditionalOpenSSL"):
            for passphrase in (None, b"word"):
                path = key_file(tmp_path, private_pem(key, passphrase, form))
                assert is_encrypted(path) is (passphrase is not None)
                loaded = load_private_key(path, "word")  # not looked at where there is none
                assert loaded.private_numbers() == key.private_numbers()
                path.unlink()
        parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        path = key_file(tmp_path, parameters + private_pem(key, form="TraditionalOpenSSL"))
        assert load_private_key(path).private_numbers() == key.private_numbers()

    def test_encrypted(self, tmp_path: Path) -> None:
        path = write_key_pair(tmp_path / "a.key", "right").private
        self.refused(path, "key-encrypted")
        self.refused(path, "key-passphrase-wrong", passphrase="wrong")
        self.refused(path, "key-passphrase-wrong", passphrase="")

    def test_truncated_anywhere(self, pair: Path, tmp_path: Path) -> None:
        content = pair.read_bytes()
        for size in range(len(content) - 2):
            self.refused(key_file(tmp_path, content[:size]), "key-invalid")

    def test_damaged(self, pair: Path, tmp_path: Path) -> None:
        content = pair.read_bytes()
        self.refused(key_file(tmp_path, content.replace(b"MIGH", b"MIGI")), "key-invalid", "damaged")

    def test_other_curves_and_kinds(self, tmp_path: Path) -> None:
        for curve in (ec.SECP384R1(), ec.SECP256K1(), ec.SECP521R1()):
            path = key_file(tmp_path, private_pem(ec.generate_private_key(curve)))
            self.refused(path, "key-wrong-curve", curve.name)
        for key, name in (
            (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
            (rsa.generate_private_key(65537, 2048), "RSA"),
        ):
            self.refused(key_file(tmp_path, private_pem(key)), "key-invalid", f"another kind, {name}")

    def test_what_is_no_private_key(self, pair: Path, tmp_path: Path) -> None:
        self.refused(pair.with_suffix(".pub"), "key-invalid", "a public key")
        self.refused(key_file(tmp_path, b"not a key"), "key-invalid", "no PEM file")
        self.refused(key_file(tmp_path, b"\0" * 100_000), "key-invalid", "no PEM file")
        key = ec.generate_private_key(ec.SECP256R1())
        self.refused(key_file(tmp_path, private_pem(key, form="OpenSSH")), "key-invalid", "for SSH")
        self.refused(tmp_path / "none.key", "key-not-found")
        self.refused(tmp_path, "key-not-found")

    @posix
    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666])
    def test_keys_that_others_can_read_or_change(self, pair: Path, mode: int) -> None:
        pair.chmod(mode)
        self.refused(pair, "key-exposed", f"{mode:04o}")

    def test_without_the_library(self, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
        for attempt in (lambda: load_private_key(pair), lambda: write_key_pair(tmp_path / "b.key", None)):
            with pytest.raises(NotFoundError) as caught:
                attempt()
            assert caught.value.code == "cryptography-missing"
            assert "cryptography>=43" in caught.value.hint


class TestSign:
    def test_a_signature_beside_the_archive(self, pair: Path, archive: Path) -> None:
        done = sign(SignOptions(archive, SigningKey(pair)))
        assert done.path == archive.with_name("tiny-1.0.zip.sig")
        sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
        assert done.file_sha256 == sha256
        found = check_signature(
            archive.name, sha256, done.path.read_bytes(), [read_public_key(pair.with_suffix(".pub"))]
        )
        assert found.state == "valid"

    def test_signing_again_changes_nothing(self, pair: Path, archive: Path) -> None:
        first = sign(SignOptions(archive, SigningKey(pair)))
        content = first.path.read_bytes()
        again = sign(SignOptions(archive, SigningKey(pair)))
        assert (first.unchanged, again.unchanged) == (False, True)
        assert first.path.read_bytes() == content
        first.path.unlink()
        sign(SignOptions(archive, SigningKey(pair)))
        assert first.path.read_bytes() == content  # RFC 6979

    def test_another_signature_is_not_replaced(self, pair: Path, archive: Path, tmp_path: Path) -> None:
        target = archive.with_name("tiny-1.0.zip.sig")
        for content in (b"precious", b"x" * (2 << 20)):
            target.write_bytes(content)
            with pytest.raises(UsageError) as caught:
                sign(SignOptions(archive, SigningKey(pair)))
            assert caught.value.code == "target-exists"
            assert target.read_bytes() == content
        assert not sign(SignOptions(archive, SigningKey(pair), force=True)).unchanged
        other = write_key_pair(tmp_path / "other.key", None).private
        with pytest.raises(UsageError):
            sign(SignOptions(archive, SigningKey(other)))

    def test_a_broken_archive_is_not_signed(self, pair: Path, archive: Path) -> None:
        content = bytearray(archive.read_bytes())
        content[content.index(b"some bytes")] ^= 1
        archive.write_bytes(content)
        with pytest.raises(ArchiveFormatError):
            sign(SignOptions(archive, SigningKey(pair)))
        assert not archive.with_name("tiny-1.0.zip.sig").exists()

    def test_nothing_or_too_much_to_sign_with(self, pair: Path, archive: Path) -> None:
        for signing_key, code in (
            (SigningKey(), "key-missing"),
            (SigningKey(pair, command="x"), "usage"),
            (SigningKey(command="x"), "public-key-missing"),
            (SigningKey(command=" ", public_key=pair.with_suffix(".pub")), "usage"),
            (SigningKey(command="'", public_key=pair.with_suffix(".pub")), "usage"),
            (SigningKey(command="x", public_key=pair), "key-private"),
        ):
            with pytest.raises(PackflowError) as caught:
                sign(SignOptions(archive, signing_key))
            assert caught.value.code == code

    @posix
    def test_a_place_that_takes_no_file(self, pair: Path, archive: Path, tmp_path: Path) -> None:
        for place in (tmp_path / "none", archive):
            with pytest.raises(NotWritableError):
                sign(SignOptions(archive, SigningKey(pair), place / "x.sig"))


PROGRAM = """
import sys
from pathlib import Path
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_pem_private_key
import base64
key = load_pem_private_key(Path(sys.argv[1]).read_bytes(), None)
der = key.sign(sys.stdin.buffer.read(), ec.ECDSA(hashes.SHA256()))
r, s = utils.decode_dss_signature(der)
raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
out = {"der": der, "raw": raw, "base64": base64.encodebytes(der), "raw-base64": base64.b64encode(raw),
       "hex": der.hex().encode(), "raw-hex": raw.hex().upper().encode() + b"\\n"}[sys.argv[2]]
sys.stdout.buffer.write(out)
"""


class TestSignCommand:
    def command(self, program: str, *words: object) -> str:
        return shlex.join([sys.executable, "-c", program, *map(str, words)])

    @pytest.mark.parametrize("form", ["der", "raw", "base64", "raw-base64", "hex", "raw-hex"])
    def test_every_form_that_a_program_may_print(self, pair: Path, tmp_path: Path, form: str) -> None:
        signer = command_signer(self.command(PROGRAM, pair, form), pair.with_suffix(".pub"))
        done = write_signature(io.BytesIO(CONTENT), "file.zip", signer, tmp_path / "file.zip.sig")
        content = done.path.read_bytes()
        assert (
            check_signature("file.zip", DIGEST, content, [read_public_key(pair.with_suffix(".pub"))]).state == "valid"
        )

    def test_a_program_that_holds_another_key(self, pair: Path, tmp_path: Path) -> None:
        other = write_key_pair(tmp_path / "other.key", None)
        signer = command_signer(self.command(PROGRAM, pair, "der"), other.public)
        with pytest.raises(CheckFailedError) as caught:
            write_signature(io.BytesIO(CONTENT), "file.zip", signer, tmp_path / "file.zip.sig")
        assert caught.value.code == "sign-command-other-key"
        assert not (tmp_path / "file.zip.sig").exists()

    @pytest.mark.parametrize(
        ("program", "words"),
        [
            ("import sys; sys.exit('the token\\nis not there')", "exit code 1"),
            ("print('hello')", "printed no ECDSA signature"),
            ("", "printed no ECDSA signature"),
            ("print('00' * 70)", "printed no ECDSA signature"),
        ],
    )
    def test_programs_that_do_not_sign(self, pair: Path, tmp_path: Path, program: str, words: str) -> None:
        signer = command_signer(self.command(program), pair.with_suffix(".pub"))
        with pytest.raises(CheckFailedError, match=words) as caught:
            write_signature(io.BytesIO(CONTENT), "file.zip", signer, tmp_path / "file.zip.sig")
        assert caught.value.code == "sign-command-failed"
        if "token" in program:
            assert caught.value.detail == "the token; is not there"

    def test_a_program_that_is_not_there(self, pair: Path, tmp_path: Path) -> None:
        signer = command_signer("no-such-program-here --sign", pair.with_suffix(".pub"))
        with pytest.raises(NotFoundError) as caught:
            write_signature(io.BytesIO(CONTENT), "file.zip", signer, tmp_path / "file.zip.sig")
        assert caught.value.code == "sign-command-not-found"


def test_the_statement_is_what_model_signing_writes(pair: Path, archive: Path) -> None:
    bundle = json.loads(sign(SignOptions(archive, SigningKey(pair))).path.read_bytes())
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    sha256 = hashlib.sha256(archive.read_bytes())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://model_signing/signature/v1.0"
    assert statement["subject"] == [
        {"name": archive.name, "digest": {"sha256": hashlib.sha256(sha256.digest()).hexdigest()}}
    ]
    assert statement["predicate"]["resources"] == [{"name": ".", "algorithm": "sha256", "digest": sha256.hexdigest()}]


def test_a_file_that_changed_before_it_was_signed(pair: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckFailedError, match=r"model\.zip is not the file that it was a moment ago") as caught:
        write_signature(io.BytesIO(b"x"), "model.zip", key_signer(pair, None), tmp_path / "s.sig", sha256="0" * 64)
    assert caught.value.code == "archive-changed"
    assert not (tmp_path / "s.sig").exists()


def test_two_passphrases_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["sesame", "sesam"])
    monkeypatch.delenv("PACKFLOW_KEY_PASSPHRASE", raising=False)
    monkeypatch.setattr(passphrases, "_may_ask", lambda **_given: True)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    with pytest.raises(UsageError) as caught:
        passphrases.new_passphrase(no_input=False)
    assert caught.value.code == "passphrase-differs"


def test_a_passphrase_that_nobody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_prompt: str) -> str:
        raise EOFError

    monkeypatch.delenv("PACKFLOW_KEY_PASSPHRASE", raising=False)
    monkeypatch.setattr(passphrases, "_may_ask", lambda **_given: True)
    monkeypatch.setattr("getpass.getpass", closed)
    with pytest.raises(UsageError, match=r"No passphrase was given\.") as caught:
        passphrases.new_passphrase(no_input=False)
    assert caught.value.hint == "Type one, or put it into PACKFLOW_KEY_PASSPHRASE."
