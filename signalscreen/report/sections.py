"""The sections of a report, each from what was read to HTML."""

from collections.abc import Mapping, Sequence

import numpy as np

from signalscreen.exports.part import Part
from signalscreen.exports.spans import flagged_spans
from signalscreen.quality import FLAGS, Share
from signalscreen.report.columns import columns_of
from signalscreen.report.html import said, section, table
from signalscreen.report.overview_figure import COLOURS, overview_svg
from signalscreen.report.times import elapsed, place
from signalscreen.report.window_figure import excerpt_of, shared_limit, window_svg
from signalscreen.report.worst import Worst
from signalscreen.screening.summary import RecordSummary
from signalscreen.screening.summary import table as summary_rows
from signalscreen.verdicts import Verdict

_KINDS = {
    "flat": "flat: does not change",
    "clipped": "clipped: tops cut off",
    "saturated": "saturated: stuck at a rail",
    "lead_off": "lead off: an open input",
    "low_quality": "low quality: noise",
    "any": "any of these",
}

Reviews = Mapping[str, Sequence[Verdict]]  # by record


def header(parts: Sequence[Part], summaries: Sequence[RecordSummary], title: str, reviews: Reviews) -> str:
    """What was screened, and the numbers to know first."""
    about = _about(parts[0]) if len(parts) == 1 else f"{len(parts)} records, {_hours(summaries)} of signal"
    unfinished = [one for one in summaries if one.done < 1]
    warning = ""
    if unfinished:
        which = ", ".join(f"{said(one.record)} {one.done:.0%}" for one in unfinished[:12])
        more = f" and {len(unfinished) - 12} more" if len(unfinished) > 12 else ""
        warning = (
            f'<p class="warn">The screening is not finished ({which}{more} done). What follows counts what is '
            "there; run the same <code>signalscreen screen</code> again to finish it.</p>"
        )
    return f'<h1>{said(title)}</h1><p class="faint">{about}</p>{warning}{_key(summaries, reviews)}'


def _about(part: Part) -> str:
    leads = ", ".join(
        f"{said(n)}{f' ({said(u)})' if u else ''}" for n, u in zip(part.leads, part.units, strict=True)
    )
    began = f", from {said(part.began.replace('T', ' '))}" if part.began else ", no time of day in its header"
    offset = f"; screened from {elapsed(part.start)} of the record" if part.start else ""
    return f"{elapsed(part.samples / part.fs)} (h:mm:ss) of {leads} at {part.fs:g} Hz{began}{offset}"


def _hours(summaries: Sequence[RecordSummary]) -> str:
    hours = sum(one.hours for one in summaries)
    if hours >= 1:
        return f"{hours:.1f} h"
    return f"{hours * 60:.0f} min" if hours * 60 >= 2 else f"{hours * 3600:.0f} s"


def _key(summaries: Sequence[RecordSummary], reviews: Reviews) -> str:
    answered, unanswered = sum(one.answered for one in summaries), sum(one.unanswered for one in summaries)
    flagged, verdicts = sum(one.flagged for one in summaries), sum(map(len, reviews.values()))
    hours = sum(one.hours for one in summaries) or 1.0
    bad = sum(one.hours * one.bad["any"] for one in summaries if not np.isnan(one.bad["any"])) / hours
    numbers = [
        (_hours(summaries), "of signal"),
        (f"{flagged:,} of {answered:,}", f"windows flagged ({_percent(flagged / max(answered, 1))})"),
        *([(f"{unanswered:,}", "windows without an answer (NaN)")] if unanswered else []),
        (_percent(bad), "of the signal is bad"),
        (f"{verdicts:,}", "verdict" if verdicts == 1 else "verdicts"),
    ]
    return '<div class="key">' + "".join(f"<div><b>{a}</b><span>{b}</span></div>" for a, b in numbers) + "</div>"


def summary(summaries: Sequence[RecordSummary]) -> str:
    """The table of records."""
    rows = summary_rows(summaries)
    right = [i for i, name in enumerate(rows[0]) if name not in ("record", "top classes")]
    several = any(one.relevance for one in summaries)
    note = (
        '<p class="faint">on bad: share of the relevance that lies on bad signal; in brackets the share of the '
        "explained time that is bad, which is what chance would give. incomplete: the largest part of a change of "
        "the score that attributions miss.</p>"
    )
    cells = [[said(cell).replace("_", "_<wbr>") for cell in row] for row in rows]
    return section("Summary", table(cells, right), note if several else "")


def overview(parts: Sequence[Part], of: int, reviews: Reviews, method: str | None) -> str:
    """Each recording at a glance; `of` is how many there are, shown or not."""
    figures = []
    for number, part in enumerate(parts):
        given = [one for one in reviews[part.name] if one.stop > part.first and one.start < part.stop]
        columns, spans = columns_of(part, method), flagged_spans(part)
        title = f"Overview of {part.name}"
        svg = overview_svg(part, columns, spans, given, method, title, f"overview {number}")
        caption = f"<figcaption><b>{said(part.name)}</b></figcaption>" if of > 1 else ""
        figures.append(f"<figure>{caption}{svg}</figure>")
    strength = (
        f"attribution: mean of |{said(method)}|, the darker the stronger, pale where nothing was explained. "
        if method is not None
        else ""
    )
    dashed = "Dashed: the threshold. " if parts[0].alarm >= 0 else ""
    chosen = f"The {len(parts)} of {of} records that are flagged most. " if len(parts) < of else ""
    note = f"{chosen}{dashed}{strength}bad signal: share of the samples that are flat, clipped, off or noisy."
    return section("Overview", *figures, f'<p class="faint">{note}</p>')


def worst(found: Sequence[Worst], several: bool, method: str | None, reviews: Reviews) -> str:
    """The windows to look at first, drawn."""
    if not found:
        return ""
    part = found[0].part
    what = f"P({said(part.classes[part.alarm])})" if part.alarm >= 0 else "score"
    excerpts = [excerpt_of(one, method) for one in found]
    limit = shared_limit(excerpts)
    units = "" if method is None else str(part.group[f"attribution_{method}"].attrs["units"])
    colours = (
        f"Coloured by {said(method)}: orange raises the score, blue lowers it, a thin dark line was not explained. "
        f"All windows share the colours, which end at ±{limit:.2g} {said(units)} a sample (99.5 % of the values "
        "lie within)."
        if limit > 0
        else "Nothing was explained in these windows."
    )
    figures = []
    for rank, excerpt in enumerate(excerpts, 1):
        one = excerpt.of
        title = f"{one.part.name}, window at {place(one.part, one.part.start + one.start / one.part.fs)}"
        svg = window_svg(excerpt, limit, units, title, f"window {rank}")
        figures.append(f"<figure>{_caption(rank, one, several, what, reviews)}{svg}</figure>")
    chosen = f"The {len(found)} windows of the highest {what}, no two of them overlapping."
    head = f"<p class='intro'>{chosen} {colours}</p>"
    return section("Worst windows", head, *figures)


def _caption(rank: int, one: Worst, several: bool, what: str, reviews: Reviews) -> str:
    part = one.part
    flags = {name: bool(part.group[name][one.row]) for name in ("flagged", "explained")}
    words = [f"<b>{rank}.</b> " + (f"<b>{said(part.name)}</b>" if several else "")]
    words.append(place(part, part.start + one.start / part.fs))
    words.append(f"lead {said(part.leads[one.lead])}" if one.lead >= 0 else "all leads")
    words.append(f"{what} <b>{one.value:.4f}</b>{', flagged' if flags['flagged'] else ''}")
    if not flags["explained"]:
        words.append("not explained")
    given = [v for v in reviews[part.name] if v.start < part.first + one.stop and v.stop > part.first + one.start]
    words += [f"{dot(v.verdict)}{v.verdict} by {said(v.who)}" for v in given[:4]]
    joined = " · ".join(words[1:])
    return f"<figcaption>{words[0]}{' · ' if several else ''}{joined}</figcaption>"


def bad_signal(one: RecordSummary) -> str:
    """Which share of the relevance lies on bad signal, beside chance; a row per kind and method."""
    if not one.relevance:
        return ""
    methods = list(one.relevance)
    rows = [["bad signal", "of the signal", *(f"{said(name)}: relevance, chance" for name in methods)]]
    none = [kind for kind in FLAGS if one.bad[kind] == 0]
    for kind in (kind for kind in (*FLAGS, "any") if kind not in none):
        cells = [_shares(one.relevance[name][kind]) for name in methods]
        rows.append([_KINDS[kind], _percent(one.bad[kind]), *cells])
    note = (
        '<p class="faint">The bar is the share of the relevance that lies on such signal; the line is the share of '
        "the explained time, which is chance. An explanation that points at noise is a verdict on the model."
        f"{_absent(none)}</p>"
    )
    return section("Relevance on bad signal", table(rows, [1]), note)


def _absent(kinds: Sequence[str]) -> str:
    return f" No sample is {' or '.join(kind.replace('_', ' ') for kind in kinds)}." if kinds else ""


def _shares(share: Share) -> str:
    if np.isnan(share.relevance):
        return "–"
    bar = (
        f'<span class="bar"><i style="width:{share.relevance:.1%}"></i><b style="left:{share.time:.1%}"></b></span>'
    )
    return f"{bar}{_percent(share.relevance)}, {_percent(share.time)}"


def dot(kind: str) -> str:
    """The colour of a verdict."""
    return f'<span class="dot" style="background:{COLOURS[kind]}"></span>'


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"
