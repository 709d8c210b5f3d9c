"""Checks a released benchmark with Python alone: `python verify.py`, in the folder of the release or with its path.

Checksums, every question, images and pointers, and the counts of the card. Prints each fault; exit code 0 without
faults, 1 with any. Nothing is written and nothing outside the folder is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import sys

SUMS = "SHA256SUMS"
CARD = "card.json"
POINTERS = "pointers.jsonl"
SHA256 = re.compile(r"[0-9a-f]{64}\Z")
SUM_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)\Z")
TASKS = {"diagnosis": "spine_disease_classification", "localization": "spine_lesion_localization"}
ITEM_FIELDS = {
    "id", "benchmark", "task", "question", "options", "gold", "images", "disease", "levels", "modality", "region",
    "source", "cluster", "subspecialty", "language", "metadata",
}  # fmt: skip
IMAGE_FIELDS = {"path", "sha256", "modality", "view", "level"}
POINTER_FIELDS = {
    "image", "source", "path", "source_sha256", "frame", "plane", "transform", "sha256", "pixel_hash", "width",
    "height",
}  # fmt: skip


class Release:
    """One folder under test, and what was found wrong with it."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)
        self.faults: list[str] = []
        self.sums: dict[str, str] = {}
        self.pointers: dict[str, dict[str, object]] = {}
        self.card: dict[str, object] = {}
        self.hashes: dict[str, str | None] = {}
        self.shown: set[str] = set()

    def fault(self, where: str, what: str) -> None:
        self.faults.append(f"{where}: {what}")

    def check(self) -> None:
        """Run every check; later ones use what earlier ones could read."""
        self.read_sums()
        self.read_card()
        self.read_pointers()
        self.check_files()
        self.check_questions()
        self.check_image_counts()

    # ------------------------------------------------------------ files

    def read_sums(self) -> None:
        text = self.text(SUMS)
        if text is None:
            return
        for number, line in enumerate(text.splitlines(), start=1):
            found = SUM_LINE.match(line)
            if found is None:
                self.fault(f"{SUMS}, line {number}", "expected 64 hexadecimal digits, two spaces and a path")
            elif not safe(found.group(2)):
                self.fault(f"{SUMS}, line {number}", f"path {found.group(2)!r} leads out of the folder")
            elif found.group(2) in self.sums:
                self.fault(f"{SUMS}, line {number}", f"{found.group(2)} is listed twice")
            else:
                self.sums[found.group(2)] = found.group(1)
        if not self.sums:
            self.fault(SUMS, "lists no file")

    def check_files(self) -> None:
        for name in sorted(self.sums):
            found = self.sha256(name)
            if found is None:
                self.fault(name, f"is listed in {SUMS} but is missing or cannot be read")
            elif found != self.sums[name]:
                self.fault(name, f"SHA-256 is {found}, expected {self.sums[name]}")
        for name in self.listing():
            if name == SUMS or name in self.sums:
                continue
            wanted = self.pointers.get(name)
            if wanted is None:
                self.fault(name, f"is in the folder but neither in {SUMS} nor pointed to")
            elif self.sha256(name) != wanted.get("sha256"):
                self.fault(
                    name, f"restored image has SHA-256 {self.sha256(name)}, expected {wanted['sha256']}"
                )

    def listing(self) -> list[str]:
        names = []
        for place, folders, files in os.walk(self.folder):
            folders.sort()
            for one in [*files, *(name for name in folders if os.path.islink(os.path.join(place, name)))]:
                path = os.path.join(place, one)
                names.append(os.path.relpath(path, self.folder).replace(os.sep, "/"))
                if os.path.islink(path):
                    self.fault(names[-1], "is a link; expected a file of its own")
        return sorted(names)

    def sha256(self, name: str) -> str | None:
        """Hash of a file below the folder; None where it is missing, no file, or leads out."""
        if name not in self.hashes:
            path = os.path.realpath(os.path.join(self.folder, name))
            self.hashes[name] = None
            if path.startswith(self.folder + os.sep) and os.path.isfile(path):
                whole = hashlib.sha256()
                try:
                    with open(path, "rb") as stream:
                        while piece := stream.read(1 << 20):
                            whole.update(piece)
                    self.hashes[name] = whole.hexdigest()
                except OSError:
                    pass
        return self.hashes[name]

    def text(self, name: str) -> str | None:
        if self.sha256(name) is None:
            self.fault(name, "is missing or cannot be read")
            return None
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8", newline="") as stream:
                return stream.read()
        except UnicodeDecodeError as error:
            self.fault(name, f"is no UTF-8 text ({error.reason} at byte {error.start})")
        return None

    def json(self, name: str) -> object:
        text = self.text(name)
        if text is None:
            return None
        try:
            return parse(text)
        except (ValueError, RecursionError) as error:
            self.fault(name, f"is no JSON ({error})")
            return None

    def lines(self, name: str) -> list[tuple[str, dict[str, object]]]:
        """Objects of a file of JSON lines, each with the words that name its place."""
        text = self.text(name)
        if text is None:
            return []
        found = []
        rows = text.split("\n")
        if rows.pop() != "":
            self.fault(name, "does not end with a line break: cut off?")
        for number, row in enumerate(rows, start=1):
            where = f"{name}, line {number}"
            try:
                value = parse(row)
            except (ValueError, RecursionError) as error:
                self.fault(where, f"is no JSON ({error})")
                continue
            if isinstance(value, dict):
                found.append((where, value))
            else:
                self.fault(where, "expected a JSON object")
        return found

    # ------------------------------------------------------------ card and pointers

    def read_card(self) -> None:
        card = self.json(CARD)
        if isinstance(card, dict):
            self.card = card
        elif card is not None:
            self.fault(CARD, "expected a JSON object")
        for name, kind in (("splits", list), ("images", dict), ("licences", list)):
            if self.card and not isinstance(self.card.get(name), kind):
                self.fault(CARD, f"{name!r} is {self.card.get(name)!r}, expected a {kind.__name__}")

    def read_pointers(self) -> None:
        if POINTERS not in self.sums and not os.path.lexists(os.path.join(self.folder, POINTERS)):
            return
        for where, line in self.lines(POINTERS):
            self.known_fields(where, line, POINTER_FIELDS)
            image = line.get("image")
            if not isinstance(image, str) or not safe(image):
                self.fault(where, f"'image' is {image!r}, expected a path in this folder")
                continue
            for name in ("source_sha256", "sha256", "pixel_hash"):
                if not is_sha256(line.get(name)):
                    self.fault(where, f"{name!r} is {line.get(name)!r}, expected 64 hexadecimal digits")
            for name in ("width", "height"):
                if not is_count(line.get(name)) or line[name] == 0:
                    self.fault(where, f"{name!r} is {line.get(name)!r}, expected a number of pixels")
            path = line.get("path")
            if path is not None and (not isinstance(path, str) or not safe(path)):
                self.fault(where, f"'path' is {path!r}, expected a path below the source's folder")
            if str(line.get("source")) not in self.licences():
                self.fault(where, f"'source' is {line.get('source')!r}, expected one of the card's licences")
            if image in self.pointers:
                self.fault(where, f"{image} is pointed to twice")
            if image in self.sums:
                self.fault(where, f"{image} is pointed to and in {SUMS}")
            self.pointers[image] = line

    def licences(self) -> dict[str, dict[str, object]]:
        listed = self.card.get("licences")
        rows = listed if isinstance(listed, list) else []
        return {str(one.get("name")): one for one in rows if isinstance(one, dict)}

    def known_fields(self, where: str, line: dict[str, object], known: set[str]) -> None:
        for name in sorted(set(line) - known):
            self.fault(where, f"unknown field {name!r}")

    # ------------------------------------------------------------ questions

    def check_questions(self) -> None:
        splits = self.card.get("splits")
        seen: dict[str, str] = {}
        for split in splits if isinstance(splits, list) else []:
            if not isinstance(split, dict):
                self.fault(CARD, f"a split is {split!r}, expected an object")
                continue
            self.check_split(split, seen)

    def check_split(self, split: dict[str, object], seen: dict[str, str]) -> None:
        native, released = split.get("native"), split.get("released")
        of_native: list[tuple[object, ...]] | None = None
        images: set[str] = set()
        if isinstance(native, str):
            rows = self.lines(native)
            for where, line in rows:
                self.check_item(where, line, seen, images)
            of_native = [content(line) for _, line in rows]
            tasks = [line.get("task") for _, line in rows]
            self.check_counts(native, split, tasks)
        if isinstance(released, str):
            records = self.records(released)
            for where, record in records:
                self.check_record(where, record, images)
            names = {one: task for task, one in TASKS.items()}
            self.check_counts(released, split, [names.get(str(record.get("task"))) for _, record in records])
            if of_native is not None and of_native != [released_content(record) for _, record in records]:
                self.fault(released, f"does not hold the same questions as {native}, in the same order")
        if not isinstance(native, str) and not isinstance(released, str):
            self.fault(CARD, f"split {split.get('name')!r} names no file of questions")
        if split.get("n_images") != len(images):
            self.fault(
                CARD, f"split {split.get('name')!r} has {split.get('n_images')!r} images, found {len(images)}"
            )
        self.shown |= images

    def records(self, name: str) -> list[tuple[str, dict[str, object]]]:
        value = self.json(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(name, "expected a JSON list")
            return []
        found = []
        for index, record in enumerate(value):
            if isinstance(record, dict):
                found.append((f"{name}, record {index}", record))
            else:
                self.fault(f"{name}, record {index}", "expected a JSON object")
        return found

    def check_counts(self, name: str, split: dict[str, object], tasks: list[object]) -> None:
        if split.get("n_items") != len(tasks):
            self.fault(
                CARD,
                f"split {split.get('name')!r} has {split.get('n_items')!r} items, {name} has {len(tasks)}",
            )
        counted: dict[str, int] = {}
        for task in tasks:
            counted[str(task)] = counted.get(str(task), 0) + 1
        if split.get("n_by_task") != counted:
            self.fault(
                CARD,
                f"split {split.get('name')!r} counts {split.get('n_by_task')!r} by task, {name} {counted}",
            )

    def check_item(self, where: str, line: dict[str, object], seen: dict[str, str], images: set[str]) -> None:
        self.known_fields(where, line, ITEM_FIELDS)
        item_id = line.get("id")
        if not isinstance(item_id, str) or not item_id.strip():
            self.fault(where, f"'id' is {item_id!r}, expected a text")
        elif item_id in seen:
            self.fault(where, f"id {item_id!r} stands at {seen[item_id]} already")
        else:
            seen[item_id] = where
        if str(line.get("task")) not in TASKS:
            self.fault(where, f"'task' is {line.get('task')!r}, expected diagnosis or localization")
        self.check_answer(where, line, "gold", single=line.get("task") == "diagnosis")
        named = line.get("images")
        if not isinstance(named, list) or not named:
            self.fault(where, f"'images' is {named!r}, expected a list of images")
            return
        for one in named:
            self.check_image(where, one, line.get("source"), images)

    def check_record(self, where: str, record: dict[str, object], images: set[str]) -> None:
        if record.get("task") not in TASKS.values():
            self.fault(where, f"'task' is {record.get('task')!r}, expected one of {sorted(TASKS.values())}")
        single = record.get("task") == TASKS["diagnosis"]
        if single != isinstance(record.get("answers"), str):
            self.fault(
                where, f"'answers' is {record.get('answers')!r}, expected a text, of a localization a list"
            )
        self.check_answer(where, record, "answers", single=single)
        named = record.get("image")
        for one in named if isinstance(named, list) and named else [named]:
            self.check_image(where, one, record.get("source"), images)

    def check_answer(self, where: str, line: dict[str, object], name: str, *, single: bool) -> None:
        """Question, options and gold answer, under the name that the format gives it."""
        question, options = line.get("question"), texts(line.get("options"))
        if not isinstance(question, str) or not question.strip():
            self.fault(where, f"'question' is {question!r}, expected a text")
        if options is None or len(options) < 2:
            self.fault(where, f"'options' is {line.get('options')!r}, expected two or more texts")
            return
        if len({one.strip().casefold() for one in options}) != len(options):
            self.fault(where, f"'options' is {options!r}, expected each once")
        given = line.get(name)
        gold = texts([given] if isinstance(given, str) else given)
        if not gold:
            self.fault(where, f"{name!r} is {given!r}, expected one or more of the options")
            return
        for one in gold:
            if one not in options:
                self.fault(where, f"{name!r} is {one!r}, expected one of the options {options!r}")
        if len(set(gold)) != len(gold) or (single and len(gold) != 1):
            self.fault(
                where, f"{name!r} is {gold!r}, expected {'one option' if single else 'each option once'}"
            )

    # ------------------------------------------------------------ images

    def check_image(self, where: str, image: object, source: object, images: set[str]) -> None:
        declared = None
        if isinstance(image, dict):
            self.known_fields(where, image, IMAGE_FIELDS)
            declared = image.get("sha256")
            image = image.get("path")
        if not isinstance(image, str) or not safe(image):
            self.fault(where, f"image {image!r}: expected a path in this folder")
            return
        if declared is not None and not is_sha256(declared):
            self.fault(where, f"SHA-256 of image {image} is {declared!r}, expected 64 hexadecimal digits")
        wanted = self.pointers.get(image, {}).get("sha256", self.sums.get(image))
        if wanted is None:
            self.fault(where, f"image {image} is neither in {SUMS} nor pointed to")
        elif declared is not None and declared != wanted:
            self.fault(where, f"image {image} is declared with SHA-256 {declared}, expected {wanted}")
        pointed = self.pointers.get(image)
        if pointed is not None and source is not None and pointed.get("source") != source:
            self.fault(
                where,
                f"image {image} is pointed to in {pointed.get('source')!r}, the question is of {source!r}",
            )
        terms = self.licences().get(str(source))
        if source is not None and terms is None:
            self.fault(where, f"'source' is {source!r}, expected one of the card's licences")
        if image in self.sums and terms is not None and terms.get("redistribution") != "yes":
            self.fault(
                where, f"image {image} is included, but the licence of {source!r} does not allow copies"
            )
        if image in self.sums and image not in images and image not in self.shown:
            self.check_png(image)
        images.add(image)

    def check_png(self, name: str) -> None:
        """An image of a release is a PNG of picture chunks only: no text, no date, nothing behind its end."""
        if self.sha256(name) is None:
            return  # named by the checksums already
        with open(os.path.join(self.folder, name), "rb") as stream:
            data = stream.read()
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            self.fault(name, "is no PNG file")
            return
        at = 8
        kinds: list[bytes] = []
        while at + 12 <= len(data) and kinds[-1:] != [b"IEND"]:
            length, kind = struct.unpack(">I4s", data[at : at + 8])
            kinds.append(kind)
            at += 12 + length
        if at != len(data) or kinds[-1:] != [b"IEND"]:
            self.fault(name, "is cut off, damaged, or has data behind its end")
        extra = sorted(
            {kind.decode("latin-1") for kind in kinds} - {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "pHYs"}
        )
        if extra:
            self.fault(name, f"holds more than a picture: chunks {', '.join(extra)}")

    def check_image_counts(self) -> None:
        counts = self.card.get("images")
        if not isinstance(counts, dict):
            return
        included = {name for name in self.shown if name in self.sums}
        for name, found in (
            ("n", len(self.shown)),
            ("n_included", len(included)),
            ("n_pointed", len(self.pointers)),
        ):
            if counts.get(name) != found:
                self.fault(CARD, f"images.{name} is {counts.get(name)!r}, found {found}")
        for name in sorted(set(self.pointers) - self.shown):
            self.fault(POINTERS, f"{name} is pointed to but no question shows it")
        for name in sorted(set(self.sums) - self.shown):
            if name.startswith("images/"):
                self.fault(name, "is included but no question shows it")


def parse(text: str) -> object:
    """JSON without keys written twice and without NaN."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key is written twice")
        return found

    def refuse(name: str) -> object:
        raise ValueError(f"{name} is no JSON number")

    return json.loads(text, object_pairs_hook=once, parse_constant=refuse)


def safe(path: str) -> bool:
    """Whether a path is relative and stays below its folder."""
    parts = path.split("/")
    return (
        bool(path)
        and "\\" not in path
        and "\0" not in path
        and ":" not in path
        and not set(parts) & {"", ".", ".."}
    )


def is_sha256(value: object) -> bool:
    return isinstance(value, str) and SHA256.match(value) is not None


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def texts(value: object) -> list[str] | None:
    """The value, if it is a list of texts, none of them empty."""
    if not isinstance(value, list):
        return None
    found = [one for one in value if isinstance(one, str) and one.strip()]
    return found if len(found) == len(value) else None


def content(item: dict[str, object]) -> tuple[object, ...]:
    """What both formats say of a question."""
    named = item.get("images")
    paths = (
        [one.get("path") if isinstance(one, dict) else one for one in named]
        if isinstance(named, list)
        else []
    )
    return (
        TASKS.get(str(item.get("task"))),
        item.get("question"),
        item.get("options"),
        item.get("gold"),
        paths,
    )


def released_content(record: dict[str, object]) -> tuple[object, ...]:
    """The same of a record of the released format."""
    image, answers = record.get("image"), record.get("answers")
    paths = image if isinstance(image, list) else [image]
    gold = [answers] if isinstance(answers, str) else answers
    return record.get("task"), record.get("question"), record.get("options"), gold, paths


def main(arguments: list[str]) -> int:
    """Check the folder named, else the one that this file lies in; 0 without faults."""
    release = Release(arguments[0] if arguments else os.path.dirname(os.path.abspath(__file__)))
    release.check()
    for fault in release.faults:
        sys.stdout.write(fault.encode("utf-8", "replace").decode() + "\n")
    restored = sum(release.sha256(name) is not None for name in release.pointers)
    sys.stdout.write(
        f"{len(release.faults)} faults; {len(release.sums)} files checked, "
        f"{restored} of {len(release.pointers)} images pointed to are restored\n"
    )
    return 1 if release.faults else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
