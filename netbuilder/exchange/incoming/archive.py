"""Archives: the members of a zip file that torch wrote, read without trusting what the file says of itself.

Torch stores its members uncompressed. Anything else is refused, which leaves no way to make much out of little: no more
bytes are ever read than the file has.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Final

from netbuilder.foundation.limits import MEBIBYTE
from netbuilder.foundation.problem import NetbuilderError, Problem

MEMBERS: Final = 200_000
"""Members of one archive."""

ARCHIVE_BYTES: Final = 64 * 1024 * MEBIBYTE
"""The size of a file that is read at all."""


class Archive:
    """One archive, open for reading.

    Attributes:
        path: The file.
        size: Its size in bytes.
    """

    def __init__(self, path: Path, data: bytes | None = None) -> None:
        """Open it and look at its directory.

        Args:
            path: The file.
            data: Its bytes, when there is no file and `path` is only what messages call it.

        Raises:
            NetbuilderError: When it is missing, no zip file, or not one as torch writes them.
        """
        self.path = path
        self.read_bytes = 0
        try:
            self.size = path.stat().st_size if data is None else len(data)
            self._zip = zipfile.ZipFile(path if data is None else io.BytesIO(data))
        except OSError as error:
            raise self.refusal("import.unreadable", f"cannot be read ({error.strerror or error})") from error
        except (zipfile.BadZipFile, ValueError, NotImplementedError, RecursionError, OverflowError) as error:
            raise self.refusal("import.damaged", f"is damaged, or no exported program ({error})") from error
        try:
            self._look()
        except BaseException:
            self._zip.close()
            raise

    def _look(self) -> None:
        infos = self._zip.infolist()
        if self.size > ARCHIVE_BYTES or len(infos) > MEMBERS:
            raise self.refusal("import.large", f"is larger than any network that is read ({len(infos):,} members)")
        self._members = {info.filename: info for info in infos}
        if len(self._members) < len(infos):
            raise self.refusal("import.damaged", "names a member twice")
        for info in infos:
            if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
                raise self.refusal("import.damaged", f"holds {info.filename[:80]!r} compressed, which torch never does")
            if info.file_size > self.size:
                raise self.refusal("import.damaged", f"says that {info.filename[:80]!r} is larger than the file")

    def __enter__(self) -> Archive:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._zip.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The members' names."""
        return tuple(self._members)

    def member_size(self, name: str) -> int:
        """Return how many bytes a member has.

        Raises:
            NetbuilderError: When there is none of that name.
        """
        info = self._members.get(name)
        if info is None:
            raise self.refusal("import.damaged", f"lacks its member {name[:80]!r}")
        return info.file_size

    def read(self, name: str, most: int) -> bytearray:
        """Return a member's bytes.

        Args:
            name: Which.
            most: How many bytes are accepted.

        Raises:
            NetbuilderError: When there is none of that name, it is larger, or it is damaged.
        """
        size = self.member_size(name)
        if size > most:
            raise self.refusal("import.large", f"has a member {name[:80]!r} of {size:,} bytes; {most:,} are accepted")
        self.read_bytes += size
        if self.read_bytes > 2 * self.size:
            raise self.refusal("import.damaged", "names the same bytes again and again")
        data = bytearray(size)
        view = memoryview(data)
        done = 0
        try:
            with self._zip.open(name) as member:
                while done < size:
                    part = member.read(min(size - done, 8 * MEBIBYTE))
                    if not part:
                        break
                    view[done : done + len(part)] = part
                    done += len(part)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
            raise self.refusal("import.damaged", f"is damaged at {name[:80]!r} ({error})") from error
        except OSError as error:
            raise self.refusal("import.unreadable", f"cannot be read ({error.strerror or error})") from error
        if done != size:
            raise self.refusal("import.damaged", f"ends within {name[:80]!r}")
        return data

    def refusal(self, code: str, what: str) -> NetbuilderError:
        """Return the error that says what is wrong with the file."""
        return NetbuilderError(Problem(code=code, message=f"{self.path.name} {what}.", file=str(self.path)))
