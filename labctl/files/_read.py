"""Text out of a file."""

from __future__ import annotations

from pathlib import Path

from labctl.errors import FileError, Problem


def read_text(path: Path) -> str:
    """Return the text of a file, without a byte-order mark.

    Raises:
        FileError: it cannot be read, is not UTF-8, or no text at all.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise FileError(str(path), [Problem("", "no such file")]) from error
    except OSError as error:
        raise FileError(str(path), [Problem("", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        wrong = f"is not UTF-8 text (byte 0x{data[error.start]:02x}); save the file as UTF-8"
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(str(path), [Problem(f"line {line}", wrong)]) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FileError(str(path), [Problem(f"line {line}", "holds a zero byte; is it a text file?")])
    return text
