"""Fingerprints of audio files, by Chromaprint's program ``fpcalc``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fpservice.client.errors import AudioError, FpcalcMissingError

TIME_LIMIT: Final = 120.0
_MISSING: Final = (
    "fpcalc is needed to read audio files and was not found. Install it:"
    " `apt install libchromaprint-tools` (Debian, Ubuntu),"
    " `dnf install chromaprint-tools` (Fedora), `brew install chromaprint` (macOS),"
    " or https://acoustid.org/chromaprint; or name it in the environment variable FPCALC."
)


@dataclass(frozen=True, slots=True)
class AudioFingerprint:
    """An encoded fingerprint, and the ``duration`` in seconds of all the audio."""

    fingerprint: str
    duration: float


def fingerprint_file(path: Path, time_limit: float = TIME_LIMIT) -> AudioFingerprint:
    """Return the fingerprint of an audio file; ``time_limit`` in seconds.

    Raises:
        FpcalcMissingError: fpcalc is neither on PATH nor named by FPCALC.
        AudioError: there is no such file, it holds no audio, or takes too long.
    """
    if not path.is_file():
        raise AudioError(f"{path}: no such file")
    # Absolute, as a name may begin with a hyphen.
    command = [_program(), "-json", str(path.absolute())]
    try:
        result = subprocess.run(  # noqa: S603 (the user's own program, no shell)
            command, capture_output=True, timeout=time_limit, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AudioError(f"{path}: fpcalc took more than {time_limit:g} s") from error
    except OSError as error:
        raise FpcalcMissingError(f"{command[0]}: {error.strerror}. {_MISSING}") from error
    return _parse(path, result)


def _program() -> str:
    program = os.environ.get("FPCALC") or shutil.which("fpcalc")
    if program is None:
        raise FpcalcMissingError(_MISSING)
    return program


def _parse(path: Path, result: subprocess.CompletedProcess[bytes]) -> AudioFingerprint:
    # The exit status alone says little: it is an error too if only the end of a file is damaged.
    try:
        answer: Any = json.loads(result.stdout)
        found = AudioFingerprint(str(answer["fingerprint"]), float(answer["duration"]))
    except (ValueError, KeyError, TypeError) as error:
        words = result.stderr.decode(errors="replace").strip().splitlines()
        reason = words[-1] if words else f"exit status {result.returncode}"
        raise AudioError(f"{path}: fpcalc: {reason}") from error
    if not found.fingerprint:
        raise AudioError(f"{path}: too short or silent for a fingerprint")
    return found
