"""Tables as people send them: which encoding a file is in, and what its cells are separated by."""

from __future__ import annotations

from pathlib import Path


def file_text(path: Path) -> str:
    """The text of a file in UTF-8 or UTF-16, marked or not, else Windows-1252, as spreadsheets save it.

    Raises OSError where it cannot be read, ValueError where it is no text.
    """
    data = path.read_bytes()
    encodings = ["utf-8-sig", "cp1252"]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif data[1:4:2] == b"\0\0":  # the Latin letters that a header begins with
        encodings = ["utf-16-le"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("expected text; export it again as UTF-8")


def separator(text: str) -> tuple[str, str]:
    """What separates the cells of a table (comma, semicolon or tab), and the table's text.

    A first line `sep=;` decides and is taken off; else that counts which is most frequent in the header.
    """
    first, _, rest = text.partition("\n")
    told = first.strip().strip('"')
    if len(told) == 5 and told.lower().startswith("sep="):
        return told[4], rest
    return max(",;\t", key=first.count), text
