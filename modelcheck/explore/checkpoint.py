"""Checkpoints: a search written to a file from time to time, to go on from after any kind of end.

A file is always a whole one: it is written beside its place, forced to the disk, and then moved
there. It holds numbers and JSON, each part with a checksum, and nothing that is executed when it is
read. The tables are not in it: they are learned again from the questions that were asked
(`modelcheck.tables.history`), which is also the check that the model is still the same. Who can
write the file can make a search say anything: it deserves the trust of the result that it leads to.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from modelcheck.errors import UsageError
from modelcheck.explore.budget import Meter
from modelcheck.tables.history import History, Segment, changed, learn_again
from modelcheck.tables.tables import Tables

MAGIC = b"modelcheck checkpoint\n"
FORMAT = 1

#: Seconds between two checkpoints, unless writing one takes so long that it would cost more than
#: its share of the time.
EVERY_S = 60.0
SHARE_OF_TIME = 0.05

#: What a state of a checkpoint takes once it is read, with its place in the table.
STATE_BYTES = 17

#: Bytes written, read and summed at a time.
CHUNK = 1 << 24


def write(path: Path, header: Mapping[str, Any], parts: Mapping[str, Any]) -> int:
    """Write a checkpoint in place of the one at `path`; return its bytes. Raises `OSError`.

    Parameters
    ----------
    parts : mapping of names to one-dimensional numpy arrays

    Guarantees: at any moment, a loss of power included, `path` holds the old file or the new one.
    """
    beside = path.with_name(path.name + ".part")
    table = [[name, part.dtype.str, len(part)] for name, part in parts.items()]
    told = json.dumps({**header, "parts": table}).encode()
    try:
        with open(beside, "wb") as file:
            file.write(MAGIC + struct.pack("<Q", len(told)) + told + _sum(zlib.crc32(told)))
            for part in parts.values():
                _write_part(file, memoryview(part).cast("B") if len(part) else memoryview(b""))
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        os.replace(beside, path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return size


def _write_part(file: IO[bytes], content: memoryview) -> None:
    total = 0
    for at in range(0, len(content), CHUNK):
        chunk = content[at : at + CHUNK]
        total = zlib.crc32(chunk, total)
        file.write(chunk)
    file.write(_sum(total))


def _sum(crc: int) -> bytes:
    return struct.pack("<I", crc)


def _sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, where the system lets one."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


class Reader:
    """A checkpoint that is read: its header, and its parts one by one.

    Raises
    ------
    UsageError
        Where the file is not there, none of ours, of another format, torn, or damaged.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            with open(path, "rb") as file:
                self.header: dict[str, Any] = self._read_header(file, os.fstat(file.fileno()))
        except OSError as error:
            raise UsageError(f"the checkpoint {path} cannot be read: {error.strerror}") from None

    def _read_header(self, file: IO[bytes], status: os.stat_result) -> dict[str, Any]:
        if not stat.S_ISREG(status.st_mode) or file.read(len(MAGIC)) != MAGIC:
            raise UsageError(f"{self.path} is no checkpoint of modelcheck")
        length = struct.unpack("<Q", self._exactly(file, 8))[0]
        if length > status.st_size:
            raise self._damaged("it is torn: it ends too early")
        told = self._exactly(file, length)
        if self._exactly(file, 4) != _sum(zlib.crc32(told)):
            raise self._damaged("its header has been altered")
        header = json.loads(told)
        if header["format"] != FORMAT:
            raise UsageError(
                f"the checkpoint {self.path} has format {header['format']}; this modelcheck reads "
                f"format {FORMAT}. Go on with the version that wrote it, {header['modelcheck']}, "
                "or search anew."
            )
        self._places: dict[str, tuple[int, str, int, int]] = {}
        at = file.tell()
        for name, kind, count in header["parts"]:
            size = int(count) * int(kind[2:])
            self._places[name] = at, kind, count, size
            at += size + 4
        if at != status.st_size:
            raise self._damaged(f"it is torn: it has {status.st_size:,} bytes instead of {at:,}")
        return header  # type: ignore[no-any-return] # JSON

    def _exactly(self, file: IO[bytes], count: int) -> bytes:
        found = file.read(count)
        if len(found) != count:
            raise self._damaged("it is torn: it ends too early")
        return found

    def _damaged(self, why: str) -> UsageError:
        return UsageError(
            f"the checkpoint {self.path} is damaged: {why}. It was changed after it was written, "
            "or the disk lost a part of it: search anew."
        )

    def count(self, name: str) -> int:
        """Return how many numbers a part has."""
        return self._places[name][2]

    def array(self, name: str, room: int = 0) -> Any:
        """Return a part as a numpy array, with zeros behind it up to `room` numbers."""
        import numpy as np

        at, kind, count, size = self._places[name]
        made: Any = np.zeros(max(count, room), np.dtype(kind))
        content, total = memoryview(made).cast("B")[:size] if size else memoryview(b""), 0
        with open(self.path, "rb") as file:
            file.seek(at)
            for first in range(0, size, CHUNK):
                chunk = content[first : first + CHUNK]
                if file.readinto(chunk) != len(chunk):
                    raise self._damaged("it ends too early")
                total = zlib.crc32(chunk, total)
            if file.read(4) != _sum(total):
                raise self._damaged(f"its part {name!r} has been altered")
        return made


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """While inside, no other run may write this checkpoint. Raises `UsageError`."""
    try:
        import fcntl
    except ImportError:  # not on this system
        yield
        return
    beside = path.with_name(path.name + ".lock")
    while True:
        try:
            number = os.open(beside, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UsageError(f"the checkpoint {path} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(beside).st_ino == os.fstat(number).st_ino:
                break
        except BlockingIOError:
            os.close(number)
            raise UsageError(
                f"the checkpoint {path} is being written by another run: wait for its end, or give "
                "this one a file of its own"
            ) from None
        except FileNotFoundError:
            pass
        os.close(number)  # the run before removed it just now: once more
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(beside)
        os.close(number)


class Keeper:
    """Keeps a search in a file, and brings it back from one.

    Parameters
    ----------
    path : Path
        Where to write.
    identity : mapping
        What a model is called and made with: compared by name before anything is learned again.
    resume : Path, optional
        What to go on from.
    say : function of a string, optional
        Told what takes a while.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        resume: Path | None = None,
        every_s: float = EVERY_S,
        say: Callable[[str], None] | None = None,
    ):
        self.path = Path(os.path.realpath(path))
        self.history = History()
        self.seconds = 0.0  # of the runs before
        self.bytes = 0
        self.failure = ""
        self.reader: Reader | None = None
        self._identity, self._every_s = dict(identity), every_s
        self._say = say or (lambda text: None)
        self._then: list[Segment] = []
        self._due = time.monotonic() + every_s
        if resume is not None:
            self._open(Path(resume))
        elif self.path.exists():
            self._refuse_unfinished()

    def _refuse_unfinished(self) -> None:
        if not Reader(self.path).header.get("finished"):
            raise UsageError(
                f"{self.path} is the checkpoint of a search that has not come to its end: go on "
                f"with it (resume), or remove it"
            )

    # Going on.

    def look_for_room(self, meter: Meter) -> None:
        """Raise `UsageError` where the budget has no room for the states to go on from."""
        if self.reader is None:
            return
        used = self.reader.count("states")
        mib = used * STATE_BYTES / 2**20
        too_much = meter.room_for(mib)
        if too_much:
            raise UsageError(
                f"the {used:,} states of the checkpoint take {mib:,.0f} MiB: {too_much}"
            )

    def _open(self, path: Path) -> None:
        self.reader = reader = Reader(path)
        try:
            _compare(reader.header["identity"], _full(self._identity))
            for index, told in enumerate(reader.header["segments"]):
                segment = Segment(int(told["width"]), told["shape"], digest=told["digest"])
                segment.requests.frombytes(reader.array(f"requests{index}").tobytes())
                segment.sums.frombytes(reader.array(f"sums{index}").tobytes())
                self._then.append(segment)
            self.seconds = float(reader.header["seconds"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise reader._damaged(f"a part is missing ({error})") from None

    def begin(self, tables: Tables) -> None:
        """Listen to new tables; while going on, have them learn again what they knew.

        Raises
        ------
        UsageError
            Where the model is not the one of the checkpoint any more.
        modelcheck.tables.tables.Restart
            Where it did then: new tables are needed, and `begin` again.
        """
        index = len(self.history.segments)
        self.history.begin(tables)
        if index >= len(self._then):
            return
        then, last = self._then[index], index == len(self._then) - 1
        many = sum(map(len, self._then))
        begun = time.monotonic()

        def tell(count: int) -> None:
            nonlocal begun
            if time.monotonic() - begun > 2:
                begun += 10
                self._say(f"learning again what the checkpoint knew: {count:,} of {many:,} paths")

        try:
            learn_again(tables, self.history, then, last, tell)
        except UsageError as error:
            raise UsageError(f"{error}{self._hint()}") from None

    def _hint(self) -> str:
        assert self.reader is not None
        if self.reader.header.get("hash") == _hash_probe():
            return ". Search anew, or go on with the model as it was."
        return (
            ". Or it goes over a set of strings, whose order is another one in each run of Python: "
            "then set the environment variable PYTHONHASHSEED to one number for both runs. Else "
            "search anew, or go on with the model as it was."
        )

    @property
    def resumes(self) -> bool:
        """Whether the tables that have just begun are those of the search to go on with."""
        return self.reader is not None and len(self.history.segments) == len(self._then)

    # Writing.

    def due(self) -> bool:
        """Tell whether it is time for a checkpoint."""
        return time.monotonic() >= self._due

    def save(
        self, search: Mapping[str, Any], parts: Mapping[str, Any], seconds: float, finished: bool
    ) -> None:
        """Write a checkpoint, unless something was learned only in part.

        A disk that is full does not end a search: `failure` then says so, and the file is the one
        from before.
        """
        if not self.history.complete:
            return
        import numpy as np

        header = {
            "format": FORMAT,
            "modelcheck": _version(),
            "identity": _full(self._identity),
            "hash": _hash_probe(),
            "segments": [
                {"width": s.width, "shape": s.shape, "digest": s.digest}
                for s in self.history.segments
            ],
            "seconds": seconds,
            "finished": finished,
            "search": search,
        }
        learned: dict[str, Any] = {}
        for index, segment in enumerate(self.history.segments):
            learned[f"requests{index}"] = np.array(segment.requests, np.int32)
            learned[f"sums{index}"] = np.array(segment.sums, np.uint32)
        begun = time.monotonic()
        try:
            self.bytes, self.failure = write(self.path, header, {**learned, **parts}), ""
        except OSError as error:
            self.failure = f"the checkpoint {self.path} could not be written: {error.strerror}"
        now = time.monotonic()
        self._due = now + max(self._every_s, (now - begun) / SHARE_OF_TIME)


def _full(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be the same in both runs, in words that an error can use."""
    return {
        **identity,
        "version of modelcheck": _version(),
        "version of Python": sys.implementation.cache_tag,
        "order of bytes": sys.byteorder,
    }


def _compare(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for what in {**then, **now}:
        before, after = then.get(what), now.get(what)
        if before == after:
            continue
        if what.startswith("code of"):
            how = "differs" if before and after else "is new" if after else "is gone"
            raise changed(f"the {what}", how)
        if isinstance(before, dict) and isinstance(after, dict):
            for name in {**before, **after}:
                if before.get(name) != after.get(name):
                    was, now_is = before.get(name, "not there"), after.get(name, "not there")
                    raise UsageError(
                        f"the checkpoint is of another search: the {what} {name} was {was} then "
                        f"and is {now_is} now"
                    )
        raise UsageError(
            f"the checkpoint is of another search: the {what} was {before} then and is {after} now"
        )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("modelcheck")
    except PackageNotFoundError:  # run from its source, never installed
        return "unknown"


def _hash_probe() -> int:
    """Return a number that differs between runs in which strings are hashed differently."""
    return hash("modelcheck checkpoint")


__all__ = ["EVERY_S", "Keeper", "Reader", "changed", "locked", "write"]
