"""Adds wrong rows and files to the trees of `tests.builder.trees`, and says how each has to be named.

Nothing that is added speaks of an image that the tree holds, so that a damaged tree gives the images of a sound one.
"""

from __future__ import annotations

from pathlib import Path

from tests.builder import trees

Named = set[tuple[str, str]]
"""Subject and reason of the ledger's lines."""


def damage(kind: str, folder: Path) -> Named:
    """Damages a tree of a source with at least four studies, cases or images."""
    adders = {
        "rsna": damage_rsna,
        "vindr": damage_vindr,
        "buu": damage_buu,
        "csxa": damage_csxa,
        "spider": damage_spider,
        "table": damage_table,
    }
    return adders[kind](folder)


def add_lines(file: Path, *lines: str) -> list[str]:
    """Appends lines; their places `<name>:<line>`."""
    data = file.read_bytes()
    start = data.count(b"\n")
    file.write_bytes(data + "".join(line + "\n" for line in lines).encode())
    return [f"{file.name}:{start + n}" for n in range(1, len(lines) + 1)]


def damage_rsna(folder: Path) -> Named:
    """Study 5 is graded with a gap and a misspelt severity, study 6 nowhere; study 7 has no coordinates."""
    normal = ["Normal/Mild"] * 25
    normal[3], normal[4] = "", "Sevre"  # canal L4/L5, L5/S1
    gaps, lonely, cut, no_id = add_lines(
        folder / "train.csv",
        ",".join(["5", *normal]),
        ",".join(["7", *["Normal/Mild"] * 25]),
        "8,Normal/Mild",
        ",".join(["eight", *["Severe"] * 25]),
    )
    _, stray, strange = add_lines(
        folder / "train_series_descriptions.csv", "5,50,Sagittal T2/STIR", "99,990,Axial T2", "5,51,Localizer"
    )
    places = [
        ("5,50,1,Spinal Canal Stenosis,L4/L5,10,20", "no_grading"),
        ("5,50,2,Spinal Canal Stenosis,L5/S1,10,20", "no_grading"),
        ("6,60,1,Spinal Canal Stenosis,L1/L2,10,20", "no_grading"),
        ("5,50,3,Scoliosis,L1/L2,10,20", "bad_row"),
        ("5,50,3,Spinal Canal Stenosis,L6/S1,10,20", "bad_row"),
        ("5,50,3,Spinal Canal Stenosis,L1/L2,nan,20", "bad_row"),
        ("5,fifty,3,Spinal Canal Stenosis,L1/L2,10,20", "bad_row"),
        ("5,50,3,Spinal Canal Stenosis", "bad_row"),
        ('5,50,3,"Spinal Canal Stenosis,L1/L2,10,20', "bad_row"),
    ]
    named = dict(
        zip(
            add_lines(folder / "train_label_coordinates.csv", *(line for line, _ in places)),
            (reason for _, reason in places),
            strict=True,
        )
    )
    add_lines(
        folder / "train_label_coordinates.csv",
        "5,50,9,Spinal Canal Stenosis,L1/L2,10,20",
        "5,51,9,Spinal Canal Stenosis,L1/L2,10,20",
        "5,52,9,Spinal Canal Stenosis,L1/L2,10,20",
    )
    return {
        *named.items(),
        (gaps, "no_grading"),
        (gaps, "unknown_severity"),
        (lonely, "no_coordinates"),
        (cut, "bad_row"),
        (no_id, "bad_row"),
        (stray, "no_grading"),
        (strange, "unknown_series"),
        ("rsna/5/50/1", "doubtful_label"),
        ("rsna/5/50/2", "doubtful_label"),
        ("rsna/6/60/1", "unknown_series"),
        ("rsna/5/50/3", "doubtful_label"),
        ("rsna/5/50/9", "missing_image"),
        ("rsna/5/51/9", "unknown_series"),
        ("rsna/5/52/9", "unknown_series"),
    }


def damage_vindr(folder: Path) -> Named:
    """Rows of images a to f, none of which has a file of its own that is used."""
    lines = [
        ("s,r,a,R1,Osteophytes,1,2,1,9", "zero_box"),
        ("s,r,b,R1,Osteophytes,5,2,1,9", "bad_row"),
        ("s,r,c,R1,Osteophytes,,,,", "no_box"),
        ("s,r,../../up,R1,Osteophytes,1,2,3,4", "bad_row"),
        ("s,r,d,R1,,1,2,3,4", "bad_row"),
        ("s,r,e,R1,Osteophytes,1,2,3", "bad_row"),
        ("s,r,f,R1,Osteophytes,1,2,x,4", "bad_row"),
    ]
    file = folder / "annotations" / "train.csv"
    places = add_lines(file, *(line for line, _ in lines))
    add_lines(
        file,
        "s,r,contra,R1,No finding,,,,",
        "s,r,contra,R2,Osteophytes,1,2,3,4",
        "s,r,gone,R1,Osteophytes,1,2,3,4",
        "s,r,lesions,R1,Other lesions,1,2,3,4",
        "s,r,twice,R1,Osteophytes,1,2,3,4",
    )
    add_lines(folder / "annotations" / "test.csv", "s,r,twice,R1,Osteophytes,1,2,3,4")
    named = {f"annotations/{place}": reason for place, (_, reason) in zip(places, lines, strict=True)}
    return {
        *named.items(),
        *((f"vindr/{image}", "doubtful_label") for image in "abcdef"),
        ("vindr/contra", "label_conflict"),
        ("vindr/twice", "label_conflict"),
        ("vindr/gone", "missing_image"),
        ("vindr/lesions", "no_label"),
    }


def damage_buu(folder: Path) -> Named:
    """Pairs with one file, wrong stems, too few lines, lines that are no edge."""
    eleven = ["1,2,3,4,0"] * 11
    grey = trees.picture(1, "Healthy")
    for view, stem, lines in (
        ("LA", "0901-F-050Y1", eleven[:10]),
        ("LA", "0902-F-050Y1", [*eleven[:4], "1,2,3,4,-1", *eleven[5:]]),
        ("LA", "0903-F-050Y1", [*eleven[:4], "1,2,x,4,0", *eleven[5:]]),
        ("LA", "0904-X-050Y1", eleven),
        ("AP", "0905-F-050Y1", eleven[:10]),
    ):
        (folder / view / f"{stem}.csv").write_text("\n".join(lines) + "\n")
        trees.write_picture(folder / view / f"{stem}.jpg", grey)
    trees.write_picture(folder / "AP" / "0906-F-050Y0.jpg", grey)
    (folder / "AP" / "0907-F-050Y0.csv").write_text("\n".join(eleven[:10]) + "\n")
    return {
        ("LA/0901-F-050Y1.csv", "bad_file"),
        ("buu/LA/0901-F-050Y1", "doubtful_label"),
        ("LA/0902-F-050Y1.csv:5", "bad_row"),
        ("buu/LA/0902-F-050Y1", "doubtful_label"),
        ("LA/0903-F-050Y1.csv:5", "bad_row"),
        ("buu/LA/0903-F-050Y1", "doubtful_label"),
        ("LA/0904-X-050Y1.jpg", "bad_name"),
        ("AP/0905-F-050Y1.jpg", "bad_name"),
        ("AP/0906-F-050Y0.jpg", "missing_labels"),
        ("AP/0907-F-050Y0.csv", "missing_image"),
    }


def damage_csxa(folder: Path) -> Named:
    """Rows without a picture, pictures without a row, curvatures that are none."""
    import openpyxl

    file = folder / "datasets.xlsx"
    book = openpyxl.load_workbook(file)
    sheet = book["Sheet1"]
    start = sheet.max_row
    for row in (
        (9001, 1, 50, 0.1, 1),
        (9002, 1, 50, 0.1, 6),
        (9003, 1, 50, 0.1, None),
        ("none", 1, 50, 0.1, 1),
        (9004, 1, 50, 0.1, 1),
        (9004, 1, 50, 0.1, 5),
    ):
        sheet.append(row)
    book.save(file)
    for stem in ("9002050", "9003050", "9004050", "9005050", "scan"):
        trees.write_picture(folder / "datasets-PNG" / f"{stem}.png", trees.picture(1, "Healthy"))
    return {
        ("csxa/9001", "missing_image"),
        (f"datasets.xlsx:{start + 2}", "bad_row"),
        ("csxa/9002050", "doubtful_label"),
        (f"datasets.xlsx:{start + 3}", "bad_row"),
        ("csxa/9003050", "doubtful_label"),
        (f"datasets.xlsx:{start + 4}", "bad_row"),
        (f"datasets.xlsx:{start + 6}", "label_conflict"),
        ("csxa/9004050", "label_conflict"),
        ("csxa/9005050", "missing_labels"),
        ("datasets-PNG/scan.png", "bad_name"),
    }


def damage_spider(folder: Path) -> Named:
    """Grades out of range, a patient without images, images without gradings or in a format that is not read."""
    lines = [
        ("901,1,4,0,0,0,0,0,0,2", "bad_row"),
        ("902,1,0,0,0,0,0,0,0,0", "bad_row"),
        ("903,99,0,0,0,0,0,0,0,2", "bad_row"),
        ("x,1,0,0,0,0,0,0,0,2", "bad_row"),
        ("904,1,0,0,0,0,0,0,0", "bad_row"),
        ("905,1,0,0,0,0,0,0,0,2", "missing_image"),
    ]
    places = add_lines(folder / "radiological_gradings.csv", *(line for line, _ in lines))
    for stem in ("901_t1", "902_t1", "903_t1", "904_t1", "906_t1", "scan"):
        trees.write_picture(folder / f"{stem}.png", trees.picture(1, "Healthy"))
    (folder / "907_t2.nrrd").write_bytes(b"NRRD0004\n")
    named = {place: reason for place, (_, reason) in zip(places, lines, strict=True)}
    return {
        *named.items(),
        *((f"spider/90{n}_t1", "doubtful_label") for n in range(1, 5)),
        ("spider/906_t1", "missing_labels"),
        ("scan.png", "bad_name"),
        ("907_t2.nrrd", "unsupported_format"),
    }


def damage_table(folder: Path) -> Named:
    """Rows of images x1.png to x9.png; a path that leads out of the folder."""
    lines = [
        (",Osteophytes,,,", "bad_row"),
        ("x1.png,,,,", "bad_row"),
        ("x2.png,Osteophytes,L7/L8,,", "bad_row"),
        ("x3.png,Osteophytes;Spinal Canal Stenosis,L3/L4;L4/L5,,", "bad_row"),
        ("x4.png,Osteophytes,", "bad_row"),
        ("x5.png,Healthy;Osteophytes,,,", "bad_row"),
    ]
    places = add_lines(folder / "labels.csv", *(line for line, _ in lines))
    add_lines(
        folder / "labels.csv",
        "x6.png,Healthy,,,",
        "x6.png,Osteophytes,,,",
        "x7.png,Osteophytes,,,",
        "../x8.png,Osteophytes,,,",
        "x9.png,Baldness,,,",
    )
    trees.write_picture(folder.parent / "x8.png", trees.picture(1, "Healthy"))
    named = {place: reason for place, (_, reason) in zip(places, lines, strict=True)}
    return {
        *named.items(),
        *((f"table/x{n}.png", "doubtful_label") for n in range(1, 6)),
        ("table/x6.png", "label_conflict"),
        ("table/x7.png", "missing_image"),
        ("table/../x8.png", "outside_folder"),
        ("table/x9.png", "no_label"),
    }
