"""The raw files of a TFDS data set: put there by hand or downloaded, checked, and asked for when missing."""

import pathlib
from typing import Any
import urllib.parse

from assay.data.cache import say
from assay.data.dataset import DataError

_CONNECT_SECONDS, _ANSWER_SECONDS = 5, 15
_NAMED = 8  # files that a message names before it counts the rest


def require_files(builder: Any, downloads: pathlib.Path, manual: pathlib.Path) -> None:
    """Checks every raw file that is on this machine, and that the others can be downloaded.

    Args:
      builder: a TFDS builder; its recorded sizes and sha256 are what files are checked against.
      downloads: TFDS's download cache. A damaged file in it is removed, so that it is downloaded again.
      manual: folder for files put there by hand, under their own names. A damaged file in it is refused.

    Raises:
      DataError: a wrong file, or files that are missing while their server cannot be reached.
    """
    from tensorflow_datasets.core.download import resource

    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS and not (manual.is_dir() and any(manual.iterdir())):
        steps = " ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())
        raise DataError(f"{builder.name}: its files must be put into {manual} by hand: {steps}")
    missing = {}
    for url, expected in (builder.url_infos or {}).items():
        by_hand = manual / (expected.filename or "")
        kept = downloads / builder.name / resource.get_dl_fname(url, expected.checksum)
        if expected.filename and by_hand.is_file():
            if problem := _difference(by_hand, expected):
                raise DataError(f"{by_hand} is not the file that TFDS knows at {url}: {problem}; replace it")
        elif not resource.is_locally_cached(kept):
            missing[url] = expected.filename or url.rsplit("/", 1)[-1]
        elif problem := _difference(kept, expected):
            say(f"{kept} is damaged ({problem}); removed")
            kept.unlink()
            missing[url] = expected.filename or url.rsplit("/", 1)[-1]
    if missing and (reason := _unreachable(next(iter(missing)))):
        names, urls = list(missing.values()), sorted({urllib.parse.urljoin(url, ".") for url in missing})
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise DataError(
            f"{builder.name} is not on this machine and cannot be downloaded ({reason}); put "
            f"{', '.join(names[:_NAMED])}{more} (from {', '.join(urls[:_NAMED])}) into {manual}"
        )


def _difference(path: pathlib.Path, expected: Any) -> str:
    """How a file differs from what TFDS recorded; empty if it does not."""
    from tensorflow_datasets.core.download import checksums

    found = checksums.compute_url_info(path)
    if found == expected:
        return ""
    return (
        f"expected sha256 {expected.checksum} of {int(expected.size)} bytes, "
        f"found sha256 {found.checksum} of {int(found.size)} bytes"
    )


def _unreachable(url: str) -> str:
    """Why a file cannot be downloaded, within seconds (TFDS would retry for minutes); empty if it can."""
    import requests

    if not url.startswith("http"):
        return ""
    host = urllib.parse.urlsplit(url).hostname
    try:
        with requests.get(url, stream=True, timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS)) as response:
            return "" if response.ok else f"{host} answers with HTTP status {response.status_code}"
    except requests.exceptions.RequestException as error:
        return f"no connection to {host}: {type(error).__name__}"
