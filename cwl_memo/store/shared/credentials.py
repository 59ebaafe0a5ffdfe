"""Credentials for S3 that obstore does not find by itself: those of a user's AWS files."""

from __future__ import annotations

import configparser
import importlib
import os
from pathlib import Path
from typing import Any, Final

__all__ = ["aws_credentials"]

# Any of these, and obstore knows what to do.
_KNOWN: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
)

_KEYS: Final = {
    "access_key_id": "aws_access_key_id",
    "secret_access_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
}


def aws_credentials() -> dict[str, Any]:
    """Return what is to be told obstore of the user's AWS files; nothing where it is no use.

    The environment comes before the files, as everywhere with AWS. A profile that signs on
    or takes on a role is left to boto3, if that is installed.
    """
    profile = os.environ.get("AWS_PROFILE", "")
    if not profile and any(os.environ.get(name) for name in _KNOWN):
        return {}
    name = profile or "default"
    keys = _section("AWS_SHARED_CREDENTIALS_FILE", "credentials", name)
    plain = _section("AWS_CONFIG_FILE", "config", name if name == "default" else f"profile {name}")
    found: dict[str, Any] = {}
    if plain.get("region") and not _has_region():
        found["region"] = plain["region"]
    both = {**plain, **keys}
    if both.get("aws_access_key_id") and both.get("aws_secret_access_key"):
        found |= {ours: both[theirs] for ours, theirs in _KEYS.items() if both.get(theirs)}
    elif both:
        provider = _provider(profile)
        if provider is not None:
            found["credential_provider"] = provider
    return found


def _has_region() -> bool:
    return bool(os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"))


def _section(variable: str, name: str, section: str) -> dict[str, str]:
    path = os.environ.get(variable) or Path("~/.aws", name).expanduser()
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
        return dict(parser.items(section))
    except (configparser.Error, OSError, UnicodeError):
        return {}


def _provider(profile: str) -> Any:
    try:
        boto3 = importlib.import_module("boto3")
        auth = importlib.import_module("obstore.auth.boto3")
    except ImportError:
        return None
    return auth.Boto3CredentialProvider(boto3.Session(profile_name=profile or None))
