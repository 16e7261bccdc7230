"""The sections on people and on how it was made: verdicts, and everything needed to do it again."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from signalscreen.exports.part import Part
from signalscreen.report.html import facts, said, section, table
from signalscreen.report.redo import command, unsaid
from signalscreen.report.sections import Reviews, dot
from signalscreen.report.times import place
from signalscreen.verdicts import VERDICTS, Verdict

_MOST_VERDICTS = 400
_MOST_NOTE = 2000


def verdicts(reviews: Reviews, parts: Sequence[Part]) -> str:
    """Counts per reviewer and kind, and every verdict with its note."""
    given = [(part, one) for part in parts for one in reviews[part.name]]
    if not given:
        return section("Verdicts", "<p>None yet: <code>signalscreen review</code> opens the store.</p>")
    counts = Counter((one.who, one.verdict) for _, one in given)
    kinds = [kind for kind in VERDICTS if any(one.verdict == kind for _, one in given)]
    people = sorted({one.who for _, one in given})
    head = ["reviewer", *(f"{dot(kind)}{kind}" for kind in kinds), "all"]
    rows = [
        [said(who), *(str(counts[who, kind]) for kind in kinds), str(sum(counts[who, kind] for kind in kinds))]
        for who in people
    ]
    several = len(parts) > 1
    listed = [[*(["record"] if several else []), "where", "lead", "verdict", "reviewer", "note"]]
    for part, one in given[:_MOST_VERDICTS]:
        listed.append([*([said(part.name)] if several else []), *_verdict(part, one)])
    more = len(given) - _MOST_VERDICTS
    left_out = f'<p class="faint">{more:,} more are in the store.</p>' if more > 0 else ""
    numbers = range(1, len(kinds) + 2)
    return section("Verdicts", table([head, *rows], list(numbers)), table(listed, kind="verdicts"), left_out)


def _verdict(part: Part, one: Verdict) -> list[str]:
    long = one.stop_s - one.start_s
    label = f" as {said(one.label)}" if one.label else ""
    words = f": {said(one.meaning)}" if one.meaning and not one.label else ""
    cut = f" … ({len(one.note):,} characters; the store has them all)" if len(one.note) > _MOST_NOTE else ""
    return [
        f"{place(part, one.start_s)}, {long:.3g} s",
        said(one.lead) if one.lead else "all",
        f"{dot(one.verdict)}{one.verdict}{label}{words}",
        said(one.who),
        said(one.note[:_MOST_NOTE]) + cut if one.note else "",
    ]


def made(parts: Sequence[Part], out: str, several: bool) -> str:
    """With what the store was made, and how to make it again."""
    first = parts[0]
    known = [_made_with(part) for part in parts]
    pairs = []
    for name in known[0]:
        values = {one[name] for one in known}
        pairs.append((name, known[0][name] if len(values) == 1 else "differs from record to record"))
    again = command(parts, "RECORDS" if several else first.name, out)
    each = ""
    if several:
        rows = [["record", "checksum of the record", "fingerprint"]]
        keys = ("checksum of the record", "fingerprint")
        rows += [[said(p.name), *(one[key] for key in keys)] for p, one in zip(parts, known, strict=True)]
        each = table(rows)
        pairs = [(name, value) for name, value in pairs if name not in keys]
    return section(
        "How it was made",
        facts(pairs),
        each,
        "<p class='intro'>To do it again (give the paths of record, model and store on your computer):</p>",
        f"<pre>{said(again)}</pre>",
        f"<p>Only Python can say these: {said(', '.join(left_out))}.</p>" if (left_out := unsaid(parts)) else "",
    )


def _made_with(part: Part) -> dict[str, str]:
    stored: dict[str, Any] = part.facts
    settings = stored.get("settings", {})
    model, record = settings.get("model", {}), settings.get("record", {})
    methods = settings.get("methods", {})
    options = {name: ", ".join(f"{key}={value}" for key, value in given.items()) for name, given in methods.items()}
    scaled = [
        f"at {settings['resample']:g} Hz" if settings.get("resample") else "",
        settings.get("normalise") or "",
    ]
    attrs = part.group.attrs
    windows = f"{part.window_samples / part.fs:g} s, every {attrs['hop_samples'] / part.fs:g} s"
    alarm = f"{said(part.classes[part.alarm])} above {attrs['threshold']:g}" if part.alarm >= 0 else ""
    used = stored.get("versions", {})
    return {
        "model": said(stored["model"]) if stored.get("model") else "",
        "SHA-256 of the model": f"<code>{said(model['sha256'])}</code>" if model.get("sha256") else "",
        "methods": "; ".join(said(f"{name} ({given})" if given else name) for name, given in options.items()),
        "explained": said(settings["explain"]) + " windows" if settings.get("explain") else "",
        "target, score": said(f"{settings.get('target')}, {settings.get('score')}") if settings else "",
        "windows": windows + (", each lead by itself" if settings.get("each_lead") else ""),
        "alarm": alarm,
        "as the model takes it": said(", ".join(word for word in scaled if word)) if any(scaled) else "",
        "checksum of the record": f"<code>{said(record['checksum'])}</code>" if record.get("checksum") else "",
        "versions": said(", ".join(f"{name} {number}" for name, number in sorted(used.items()))),
        "fingerprint": f"<code>{said(stored['fingerprint'])}</code>" if stored.get("fingerprint") else "",
    }
