"""A gateway that others can reach asks for keys, or was told not to."""

from __future__ import annotations

from pathlib import Path

import pytest

from service import logs
from service.__main__ import main
from service.exposure import is_loopback, keys_of
from service.keys.ring import KeyRing, NoKeys
from service.settings import Settings
from tests.service.keys.houses import stored, write_keys


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_alone_needs_no_keys(host: str) -> None:
    assert is_loopback(host)
    assert isinstance(keys_of(Settings(host=host)), NoKeys)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "gateway.example", "", "localhost.example"])
def test_an_open_door_has_to_be_wanted(host: str, tmp_path: Path) -> None:
    assert not is_loopback(host)
    with pytest.raises(ValueError, match=r"SIMAHAND_KEYS_FILE.*SIMAHAND_ALLOW_ANYONE=true"):
        keys_of(Settings(host=host))
    assert isinstance(keys_of(Settings(host=host, allow_anyone=True)), NoKeys)
    mtls = Settings(host=host, tls_certificate=tmp_path, tls_key=tmp_path, tls_client_ca=tmp_path)
    assert isinstance(keys_of(mtls), NoKeys), "who has a certificate is known"
    path = tmp_path / "keys.json"
    write_keys(path, studio=stored("key"))
    for allow_anyone in (False, True):
        keys = keys_of(Settings(host=host, keys_file=path, allow_anyone=allow_anyone))
        assert isinstance(keys, KeyRing), "keys that are named are asked for"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOST", "0.0.0.0", "SIMAHAND_ALLOW_ANYONE"),
        ("KEYS_FILE", "nowhere/keys.json", "nowhere/keys.json"),
        ("KEYS_FILE", "", "cannot be read"),
        ("CORS_ORIGINS", "https://a.example/path", "SIMAHAND_CORS_ORIGINS"),
        ("TLS_CERTIFICATE", "certificate.pem", "SIMAHAND_TLS_KEY"),
        ("TLS_CLIENT_CA", "ca.pem", "SIMAHAND_TLS_CERTIFICATE"),
    ],
)
def test_the_command_does_not_start_and_names_the_setting_in_one_line(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The process's log would go to this test's standard error ever after.
    monkeypatch.setattr(logs, "configure", lambda **_: None)
    monkeypatch.setenv(f"SIMAHAND_{name}", value)
    assert main() == 2
    stderr = capsys.readouterr().err
    assert stderr.startswith("simahand: ") and stderr.count("\n") == 1
    assert said in stderr
