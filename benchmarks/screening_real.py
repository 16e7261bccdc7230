"""Real recordings screened, from the stores: what is flagged, and where the relevance lies.

    python -m benchmarks.screening_real [--beats beats.keras] [--out FOLDER]

MIT-BIH 106 and 119 by the ECG quality network and by that of benchmarks/beat_model.py, the NSTDB excerpts against
the exact mask of their noise, CinC 2011 against its labels. Reads $SIGNALSCREEN_DATA (or ../shared/data).

The quality network was trained on 119 and on the first 38 of the 80 s of noise (data/ecg_quality.md): hence "held
out". On nothing else of these was either network trained.
"""

import argparse
import csv
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

import signalscreen as ss
from benchmarks.real import DATA
from data import ecg_quality_data as source
from signalscreen.demo import quality_model_path
from signalscreen.errors import CompletenessWarning
from signalscreen.metrics.localisation import roc_auc
from signalscreen.recording import Recording

FS, HOP = 125, 5.0
METHODS: dict[str, dict[str, Any]] = {
    "saliency": {},
    "input_x_gradient": {},
    "integrated_gradients": {"steps": 64},
    "deep_lift": {},
    "occlusion": {"window": 125, "stride": 25},
    "grad_cam": {},
    "layer_cam": {},
    "guided_backprop": {},
    "lrp": {},
}
EXCERPTS = ("118e00", "118e06", "118e12", "118e24")
Mask = NDArray[np.bool_]


def screened(record: Any, model: Any, out: Path, method: Any = "saliency", **options: Any) -> Any:
    """The store of a recording, at the networks' rate, each window z-scored."""
    return ss.screen_recording(
        record, model, method, out=out, resample=FS, normalise="zscore", progress=False, **options
    )


# ---- MIT-BIH


def noisy_windows(store: Any, name: str) -> tuple[Mask, Mask]:
    """Rows with 1 s or more that annotators marked as noisy in their lead; every row is compared."""
    length = store.attrs["window_samples"]
    starts, leads = store.window_start.values, store.window_lead.values
    noisy = np.stack([lead.noisy for lead in source.mitdb_leads(DATA, (name,))], axis=1)
    before = np.concatenate([np.zeros((1, noisy.shape[1])), np.cumsum(noisy, axis=0)])
    stops = np.minimum(starts + length, len(noisy))
    return before[stops, leads] - before[starts, leads] >= store.attrs["fs"], np.ones(len(starts), dtype=bool)


def windows_with_v(store: Any) -> tuple[Mask, Mask]:
    """Rows with a ventricular beat inside; rows are left out whose only one lies within 0.3 s of an end."""
    length, edge = store.attrs["window_samples"], 0.3 * store.attrs["fs"]
    starts = store.window_start.values
    places = store.annotation_sample.values[np.isin(store.annotation_symbol.values, ["V", "E"])]
    inside, whole = (
        np.searchsorted(places, starts + length - m) - np.searchsorted(places, starts + m) for m in (edge, 0)
    )
    return inside > 0, (inside > 0) | (whole == 0)


def mitdb(quality: Any, beats: Any, out: Path) -> None:
    print("\nMIT-BIH, windows of 10 s every 5 s, saliency of every window")
    print("(119 was in the training of the quality network)")
    print("record model    windows flagged  known  ROC AUC   relevance on bad signal / share of time")
    for name in ("106", "119"):
        record = DATA / "mitdb" / name
        by_quality = screened(record, quality, out / f"{name}_quality.zarr", hop=HOP, each_lead=True)
        # Why is there a V beat, or none: always of that class.
        by_beats = screened(
            record, beats, out / f"{name}_beats.zarr", hop=HOP, target=1, alarm=1, class_names=("no V", "V")
        )
        for what, store, column, known in (
            ("quality", by_quality, 0, noisy_windows(by_quality, name)),
            ("beats", by_beats, 1, windows_with_v(by_beats)),
        ):
            p, (yes, kept) = store.probability.values[:, column], known
            bad = ss.share_on_bad(store.attribution_saliency.values, store.bad.values)
            shares = "  ".join(f"{kind} {s.relevance:.3f} / {s.time:.3f}" for kind, s in bad.items() if s.time)
            print(
                f"{name:6s} {what:8s} {len(p):7d} {int(store.flagged.sum()):7d} {yes.sum():6d} "
                f"{roc_auc(p[kept], yes[kept]):8.3f}   {shares}"
            )


# ---- NSTDB


def noise_of(row: dict[str, str]) -> Mask:
    mask = np.zeros(int(row["n_samples"]), dtype=bool)
    mask[int(row["noise_start_sample"]) : int(row["noise_end_sample"])] = True
    return mask


def nstdb(quality: Any, out: Path) -> None:
    rows = {row["file"]: row for row in source.nstdb_rows(DATA)}
    stores, masks = {}, {}
    for name in EXCERPTS:
        mv = source.nstdb_excerpt(DATA, name)
        record = Recording(mv, fs=360, units=("mV",), names=("MLII",), source=name)
        stores[name] = screened(record, quality, out / f"{name}.zarr", METHODS, target=0, hop=1)
        masks[name] = noise_of(rows[name])
    print("\nNSTDB, windows of 10 s every 1 s: P(artefact) against the exact mask of the noise")
    print(
        "excerpt  windows flagged | ROC AUC: 1 s of noise or more vs less | all noise vs none | the same, held out"
    )
    pooled = []
    for name, store in stores.items():
        p, starts = store.probability.values[:, 0], store.window_start.values
        length = store.attrs["window_samples"]
        share = np.array([masks[name][s : s + length].mean() for s in starts])
        begin, end = (int(rows[name]["noise_start_sample"]) + 360 * s for s in source.NOISE_SECONDS["test"])
        # Of what is all noise: which was never trained on?
        unseen = (starts >= begin) & (starts + length <= end)
        pooled.append((p, share, unseen))
        print_detection(name, p, share, unseen)
    print_detection("all", *(np.concatenate(part) for part in zip(*pooled, strict=True)))
    print_shares(stores, masks)


def print_detection(name: str, p: NDArray[np.float64], share: NDArray[np.float64], unseen: Mask) -> None:
    cells = [f"{roc_auc(p, share >= 0.1):.3f}"]
    noise = share > 0.999
    for inside in (noise, noise & unseen):
        kept = inside | (share == 0)
        auc = f"{roc_auc(p[kept], inside[kept]):.3f}" if inside.any() else "    -"
        cells.append(f"{auc} ({inside.sum()} / {(share == 0).sum()})")
    print(f"{name:8s} {len(p):7d} {(p > 0.5).sum():7d} | " + " | ".join(cells))


def print_shares(stores: dict[str, Any], masks: dict[str, Mask]) -> None:
    print("\nShare of relevance inside the noise; in parentheses that of the positive part, which speaks for it")
    print(f"{'':22s}" + "".join(f"{name:>16s}" for name in stores))
    explained = [~np.isnan(store.attribution_saliency.values[:, 0]) for store in stores.values()]
    times = [mask[known].mean() for mask, known in zip(masks.values(), explained, strict=True)]
    print(f"{'share of time':22s}" + "".join(f"{share:16.3f}" for share in times))
    for method in METHODS:
        cells = []
        for name, store in stores.items():
            a = np.nan_to_num(store[f"attribution_{method}"].values[:, 0].astype(float))
            strength, raised = np.abs(a), np.maximum(a, 0)
            cells.append(f"{_inside(strength, masks[name]):8.3f} ({_inside(raised, masks[name]):.3f})")
        print(f"{method:22s}" + "".join(f"{cell:>16s}" for cell in cells))
    flags = [ss.bad_signal(s.signal.values, 360, units="mV")[:, 0] > 0 for s in stores.values()]
    print(
        f"{'(bad_signal marks)':22s}"
        + "".join(f"{_inside(f.astype(float), m):16.3f}" for f, m in zip(flags, masks.values(), strict=True))
    )


def _inside(values: NDArray[np.float64], mask: Mask) -> float:
    return float(values[mask].sum() / values.sum())


# ---- CinC 2011


def cinc2011(quality: Any, out: Path) -> None:
    labels = list(csv.DictReader((DATA / "cinc2011" / "labels.csv").read_text().splitlines()))
    worst, marked = [], []
    for row in labels:
        mv = np.load(DATA / "cinc2011" / f"{row['record']}.npz")["adc"] * 0.005
        record = Recording(mv, fs=500, units=("mV",) * 12, source=row["record"])
        store = screened(record, quality, out / f"{row['record']}.zarr", each_lead=True, explain="none")
        worst.append(float(store.probability.max()))
        marked.append(float((store.bad.values > 0).mean(axis=0).max()))
    bad = np.array([row["quality"] == "unacceptable" for row in labels])
    print(f"\nCinC 2011: {bad.sum()} unacceptable and {(~bad).sum()} acceptable records of 12 leads, worst lead")
    p = np.array(worst)
    print(
        f"ROC AUC of P(artefact) {roc_auc(p, bad):.3f}, of the share that bad_signal marks "
        f"{roc_auc(np.array(marked), bad):.3f}"
    )
    print("threshold  agreement  sensitivity  specificity")
    for threshold in (0.5, 0.9, 0.99):
        said = p > threshold
        print(
            f"{threshold:9.2f} {(said == bad).mean():10.3f} {said[bad].mean():12.3f} {(~said[~bad]).mean():12.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beats", type=Path, default=Path("beats.keras"))
    parser.add_argument("--out", type=Path, help="keep the stores in this folder")
    given = parser.parse_args()
    warnings.simplefilter("ignore", CompletenessWarning)
    quality, beats = ss.load_model(quality_model_path()), ss.load_model(given.beats)
    with tempfile.TemporaryDirectory() as folder:
        out = given.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        mitdb(quality, beats, out)
        nstdb(quality, out)
        cinc2011(quality, out)


if __name__ == "__main__":
    main()
