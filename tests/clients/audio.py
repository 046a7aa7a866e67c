"""Recordings made on the spot: a synthetic voice reads, and copies of it are spoilt."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGES = {"espeak-ng": "espeak-ng", "ffmpeg": "ffmpeg", "fpcalc": "libchromaprint-tools"}
PROGRAM_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Speech:
    """A recording: who reads what, and how the file is tagged; half a minute of speech."""

    name: str
    voice: str
    text: str
    title: str
    artist: str
    mbid: str = ""


def check_programs() -> None:
    """Fail, and name the package, if a program is missing."""
    for program, package in PACKAGES.items():
        assert shutil.which(program), (
            f"There is no {program}: apt install {package} (tests/install-prerequisites.sh does)"
        )


def record(speech: Speech, folder: Path) -> Path:
    """Let the voice read; return a WAV file."""
    path = folder / f"{speech.name}.wav"
    _run("espeak-ng", "-v", speech.voice, "-s", "150", "-w", str(path), speech.text)
    return path


def as_bought(recording: Path, folder: Path) -> Path:
    """Return the recording as FLAC: nothing is lost."""
    path = folder / f"{recording.stem}.flac"
    _convert(recording, ["-ar", "44100", str(path)])
    return path


def spoilt(recording: Path, folder: Path) -> list[Path]:
    """Return three bad copies.

    A small MP3; Ogg Vorbis of low quality that begins too late; Opus at a low rate, with noise and
    a changed sound.
    """
    mp3, ogg, opus = (folder / f"{recording.stem}.{kind}" for kind in ("mp3", "ogg", "opus"))
    noise = "anoisesrc=color=pink:amplitude=0.03:seed=7"
    mix = f"{noise}[n];[0:a][n]amix=duration=first,bass=gain=4,treble=gain=-3[mixed]"
    _convert(
        recording,
        ["-filter_complex", mix],
        ["-map", "0:a", "-b:a", "48k", str(mp3)],
        ["-map", "0:a", "-ss", "1.5", "-c:a", "libvorbis", "-q:a", "0", str(ogg)],
        ["-map", "[mixed]", "-c:a", "libopus", "-b:a", "24k", str(opus)],
    )
    return [mp3, ogg, opus]


def _convert(recording: Path, *options: list[str]) -> None:
    # One run for all copies: to start the program takes longer than to encode.
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(recording)]
    _run(*command, *(option for part in options for option in part))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=PROGRAM_SECONDS)
