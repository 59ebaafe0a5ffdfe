"""The settings in one table: what each is called, what it may be, and who may say it.

The options of ``run``, the reading of the environment and of settings files, what
``cwl-memo settings show`` lists, and the page of settings are all made from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from cwl_memo.core.cache import CacheBehavior
from cwl_memo.core.settings import (
    DEFAULT_MAX_SIZE,
    Directories,
    HostTools,
    ImageIdentity,
    Link,
    Mode,
    Network,
    SharedMode,
    ToilLookup,
    parse_age,
    parse_rate,
    parse_size,
)
from cwl_memo.errors import UsageError

__all__ = ["SETTINGS", "Kind", "Layer", "Origin", "Setting", "Value", "nearest", "resolve"]

_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


class Layer(str, Enum):
    """Who says what a setting is; the later in this order wins."""

    DEFAULT = "default"
    USER = "user-file"
    PROJECT = "project-file"
    STORE = "store"
    """The project's settings that the store keeps."""
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command-line"


@dataclass(frozen=True)
class Origin:
    """Where a value comes from.

    :param layer: who said it.
    :param place: for people, as ``/home/ada/.config/cwl-memo/settings.toml:3`` or
        ``$CWL_MEMO_IMAGE``.
    """

    layer: Layer
    place: str

    def __str__(self) -> str:
        return self.place


@dataclass(frozen=True)
class Value:
    """A value, and where it comes from."""

    value: Any
    origin: Origin


class Kind(str, Enum):
    """What form the values of a setting have."""

    CHOICE = "choice"
    SWITCH = "switch"
    TEXT = "text"
    SIZE = "size"
    RATE = "rate"
    AGE = "age"
    PATH = "path"
    FOLDERS = "folders"
    KEYS = "keys"


@dataclass(frozen=True)
class Setting:
    """One setting.

    :param name: its key in a settings file; option and variable are made of it.
    :param kind: the form of its values.
    :param default: its value where nobody says any.
    :param sentence: what it does, for ``--help`` and the docs.
    :param shown_default: the default for people; empty where the sentence says it.
    :param choices: the enum of its values.
    :param metavar: what stands for its value in ``--help``.
    :param in_files: who may say it in a file: the user, the user and a project, nobody.
    :param is_option: whether the command line and the environment may say it.
    :param harmless: the values that any project file may choose, trusted or not; None for
        all of them.
    """

    name: str
    kind: Kind
    default: Any
    sentence: str
    shown_default: str = ""
    choices: type[Enum] | None = None
    metavar: str = ""
    in_files: frozenset[Layer] = frozenset({Layer.USER, Layer.PROJECT})
    is_option: bool = True
    harmless: frozenset[Any] | None = frozenset()

    @property
    def flag(self) -> str:
        """The option of ``cwl-memo run``; empty where there is none."""
        if not self.is_option:
            return ""
        return "--memo" if self.name == "memo" else f"--memo-{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable; empty where there is none."""
        if not self.is_option:
            return ""
        return "CWL_MEMO" if self.name == "memo" else f"CWL_MEMO_{self.name.upper()}"

    @property
    def help(self) -> str:
        """The text of the option's help."""
        default = f" Default {self.shown_default}" if self.shown_default else ""
        return f"{self.sentence}{default} ({self.variable})"

    @property
    def words(self) -> list[str]:
        """The values of a choice, as they are written."""
        return [str(member.value) for member in self.choices or ()]

    def is_harmless(self, value: Any) -> bool:
        """Tell whether a project file may choose a value that nobody trusts."""
        return self.harmless is None or value in self.harmless

    def read_text(self, text: str) -> Any:
        """Return the value that a text of the command line or the environment means.

        :raises UsageError: if it means none.
        """
        match self.kind:
            case Kind.CHOICE:
                return self._member(text)
            case Kind.SWITCH:
                if text.lower() not in _YES | _NO:
                    raise UsageError(f"{text!r} is neither on nor off")
                return text.lower() in _YES
            case Kind.SIZE:
                return parse_size(text)
            case Kind.RATE:
                return parse_rate(text)
            case Kind.AGE:
                return parse_age(text)
            case Kind.KEYS:
                return _keys(word.strip() for word in text.split(",") if word.strip())
            case Kind.PATH if not text:
                raise UsageError("names no directory; name one, or leave the setting out")
        return text

    def read_toml(self, value: Any) -> Any:
        """Return the value that a value of a settings file means.

        :raises UsageError: if it means none.
        """
        match self.kind, value:
            case Kind.SWITCH, bool():
                return value
            case Kind.SWITCH, _:
                raise UsageError(f"{_toml(value)} is no switch; write true or false")
            case Kind.SIZE | Kind.AGE, int() | float() if self._is_amount(value):
                return value
            case Kind.RATE, int() | float() if not isinstance(value, bool) and 0 <= value <= 1:
                return float(value)
            case ((Kind.FOLDERS | Kind.KEYS), _):
                return self._read_list(value)
            case Kind.PATH, str() if "\0" in value:
                raise UsageError("a path holds no NUL; take it out")
            case _, str():
                return self.read_text(value)
        raise UsageError(f"{_toml(value)} is {self._not}")

    def _read_list(self, value: Any) -> tuple[str, ...]:
        what, usual = ("folders", "/data") if self.kind is Kind.FOLDERS else ("keys", "ed25519:…")
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise UsageError(f'{_toml(value)} is no list of {what}; write it as ["{usual}"]')
        return tuple(value) if self.kind is Kind.FOLDERS else _keys(value)

    @property
    def _not(self) -> str:
        """What a value of a settings file is that is of another kind, and the remedy."""
        match self.kind:
            case Kind.CHOICE:
                return f"none of {', '.join(self.words)}"
            case Kind.SIZE:
                return "no size; write bytes, or a text as '20GB'"
            case Kind.AGE:
                return "no age; write seconds, or a text as '90d'"
            case Kind.RATE:
                return "no rate; write 0 to 1, or a text as '5%'"
        return 'no text; write it in quotes, as "…"'

    def _is_amount(self, value: float) -> bool:
        is_number = isinstance(value, int) or self.kind is Kind.AGE
        return is_number and not isinstance(value, bool) and 0 <= value < math.inf

    def show(self, value: Any) -> str:
        """Return a value as a settings file has it."""
        return _toml(getattr(value, "value", value))

    def _member(self, text: str) -> Any:
        if text not in self.words or self.choices is None:
            raise UsageError(f"{text!r} is none of {', '.join(self.words)}")
        return self.choices(text)


def _keys(texts: Iterable[str]) -> tuple[str, ...]:
    from cwl_memo.core.signature import check_public_key

    keys = tuple(dict.fromkeys(texts))
    for key in keys:
        check_public_key(key)
    return keys


_FORMS: Final = {
    Kind.SIZE: "write bytes, or a text as '20GB'",
    Kind.AGE: "write seconds, or a text as '90d'",
}


def _toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            pairs = ", ".join(f"{name} = {_toml(item)}" for name, item in value.items())
            return f"{{{pairs}}}"
        case None:
            return "none"
    return str(value)


_NOBODY: Final[frozenset[Layer]] = frozenset()
_USER: Final = frozenset({Layer.USER})

SETTINGS: Final[dict[str, Setting]] = {
    setting.name: setting
    for setting in (
        Setting(
            "memo", Kind.SWITCH, default=True,
            sentence="reuse and record jobs; on by default, unless the project says otherwise",
            in_files=_USER,
        ),
        Setting(
            "store", Kind.PATH, default=None, metavar="DIR",
            sentence="where jobs are recorded; default ~/.cache/cwl-memo",
        ),
        Setting(
            "cache", Kind.TEXT, default=None, metavar="NAME",
            sentence="the run cache in which jobs are recorded, by its name or id, in place of a "
            "store: see 'cwl-memo cache'",
        ),
        Setting(
            "cache_behavior", Kind.CHOICE, default=None, choices=CacheBehavior,
            sentence="CACHE_ALWAYS: what the run records is kept; CACHE_ON_FAILURE: it is not, if "
            "the run ends well. Default that of the run cache, CACHE_ALWAYS without one",
            harmless=None,
        ),
        Setting(
            "mode", Kind.CHOICE, default=Mode.READWRITE, choices=Mode,
            sentence="readwrite: reuse and record; readonly: reuse only; recache: execute and "
            "record anew; off: as cwltool.",
            shown_default="readwrite", harmless=None,
        ),
        Setting(
            "salt", Kind.TEXT, default="", metavar="TEXT",
            sentence="a word that parts this run's entries from all others", harmless=None,
        ),
        Setting(
            "directories", Kind.CHOICE, default=Directories.REFUSE, choices=Directories,
            sentence="refuse: jobs with Directories in or out are executed each time; content: "
            "they are keyed by everything in the Directory.",
            shown_default="refuse", harmless=None,
        ),
        Setting(
            "image", Kind.CHOICE, default=ImageIdentity.DIGEST, choices=ImageIdentity,
            sentence="digest: a container image counts by its content; name: by its name alone.",
            shown_default="digest", harmless=frozenset({ImageIdentity.DIGEST}),
        ),
        Setting(
            "host_tools", Kind.CHOICE, default=HostTools.CONTENT, choices=HostTools,
            sentence="content: without a container, the programs of this machine count by their "
            "content; name: by their name alone.",
            shown_default="content", harmless=frozenset({HostTools.CONTENT}),
        ),
        Setting(
            "network", Kind.CHOICE, default=Network.ALLOW, choices=Network,
            sentence="allow or refuse the reuse of jobs that may use the network.",
            shown_default="allow", harmless=frozenset({Network.REFUSE}),
        ),
        Setting(
            "link", Kind.CHOICE, default=Link.COPY, choices=Link,
            sentence="copy: files leave the store as clones or copies; hardlink: files that "
            "only jobs read are hard links.",
            shown_default="copy", harmless=frozenset({Link.COPY}),
        ),
        Setting(
            "max_size", Kind.SIZE, default=DEFAULT_MAX_SIZE, metavar="SIZE",
            sentence="what the store may hold, as 500MB or 20GB; entries go first that save "
            "the least time for their bytes and were not used for long.",
            shown_default="20GB",
        ),
        Setting(
            "max_age", Kind.AGE, default=None, metavar="AGE",
            sentence="for how long an entry stays that nobody uses, as 90d or 12h; default for "
            "ever",
        ),
        Setting(
            "recheck", Kind.RATE, default=0.0, metavar="RATE",
            sentence="execute this part of the reused jobs again, as 5% or 0.05, and compare the "
            "outputs; an entry whose job gives others is set aside.",
            shown_default="0.0", harmless=None,
        ),
        Setting(
            "shared", Kind.TEXT, default=None, metavar="URL",
            sentence="the store that others share, behind this machine's own: "
            "s3://BUCKET/PREFIX, gs://, az:// or file:///DIRECTORY",
        ),
        Setting(
            "shared_mode", Kind.CHOICE, default=SharedMode.READ_WRITE, choices=SharedMode,
            sentence="readwrite: take entries from the shared store and bring those that the run "
            "records; readonly: bring none; writeonly: take none.",
            shown_default="readwrite", harmless=frozenset({SharedMode.READONLY}),
        ),
        Setting(
            "shared_timeout", Kind.AGE, default=20.0, metavar="AGE",
            sentence="for how long the shared store may take to answer one request, as 20s.",
            shown_default="20s",
        ),
        Setting(
            "shared_leases", Kind.SWITCH, default=True,
            sentence="have machines that share a store agree on who executes a job; on by default",
            harmless=None,
        ),
        Setting(
            "trusted_keys", Kind.KEYS, default=(), metavar="KEY[,KEY]",
            sentence="use entries of the shared store only if one of these public keys signed "
            "them; default all entries",
        ),
        Setting(
            "sign_with", Kind.TEXT, default="", metavar="NAME",
            sentence="the key that signs what goes up to the shared store: see 'cwl-memo key'",
            in_files=_USER,
        ),
        Setting(
            "replay", Kind.SWITCH, default=True,
            sentence="answer a run of which nothing has changed from the record of the last "
            "one, without looking at each job; on by default",
            harmless=None,
        ),
        Setting(
            "report", Kind.TEXT, default=None, metavar="FILE.json",
            sentence="write what became of each job, and why, as JSON", in_files=_NOBODY,
        ),
        Setting(
            "events", Kind.TEXT, default=None, metavar="FILE|-",
            sentence="append a line of JSON for each hit, miss, refusal and new entry as it "
            "happens; - is standard error, since standard output has the output object",
            in_files=_NOBODY,
        ),
        Setting(
            "workspaces", Kind.PATH, default=None, metavar="DIR",
            sentence="put the working directory of each job, reused ones too, into a directory "
            "of the job's name in DIR, which has to be new or empty",
            in_files=_NOBODY,
        ),
        Setting(
            "toil_lookup", Kind.CHOICE, default=ToilLookup.LEADER, choices=ToilLookup,
            sentence="for cwl-memo-toil: leader: a job that hits is not submitted; worker: it is, "
            "and looked up where it would be executed, as machines with different programs need.",
            shown_default="leader", harmless=frozenset({ToilLookup.WORKER}),
        ),
        Setting(
            "node_store", Kind.PATH, default=None, metavar="DIR",
            sentence="for cwl-memo-toil on a cluster: where each machine keeps what it has of the "
            "shared store; default cwl-memo-UID below its directory for temporary files",
        ),
        Setting(
            "trusted_projects", Kind.FOLDERS, default=(), is_option=False, in_files=_USER,
            sentence="folders whose project files, there and below, may choose as you may",
        ),
    )
}  # fmt: skip
"""Every setting by its name, in the order in which people read them."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of a message about a name that is none of those: which may be meant."""
    # Only here: who makes no mistake has no need of it.
    import difflib

    known = list(names)
    close = difflib.get_close_matches(name.replace("-", "_"), known, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"


def resolve(layers: Iterable[dict[str, Value]]) -> dict[str, Value]:
    """Return what holds of each setting.

    :param layers: what each layer says, in any order.
    """
    order = list(Layer)
    result: dict[str, Value] = {
        name: Value(setting.default, Origin(Layer.DEFAULT, "default"))
        for name, setting in SETTINGS.items()
    }
    for layer in layers:
        for name, value in layer.items():
            if order.index(value.origin.layer) >= order.index(result[name].origin.layer):
                result[name] = value
    return result
