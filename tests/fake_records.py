"""Records of a line and of a bank as pages take them, made up with a fixed seed.

The line has four passages, a 20q11.21 gain that grows from nothing to 85 % of cells, trisomy 12
that comes late, a gain inherited from the donor, a passage that failed its quality, and names
that try to break out of a page.
"""

import dataclasses
from pathlib import Path
from typing import Any

import fake_variants
import numpy as np
import pandas as pd
import yaml
from linedrift import tables
from linedrift.genome import CHROM_DTYPE, GRCH38
from linedrift.records import BankRecord, LineRecord, Variants
from linedrift.report.figures import markers_around, tracks
from linedrift.verdict.verdict import assess

HOSTILE = "<script>alert(1)</script>"
HOSTILE_NAMES = (HOSTILE, "=cmd()", "한국어", "../x", "a\"b'c&d", "</script><b>")
PASSAGES = (12, 25, 38, 52)
FRACTIONS = {"gain20": (0.0, 0.08, 0.31, 0.85), "tri12": (0.0, 0.0, 0.12, 0.41)}
INHERITED_BAND = "7q21.11"
REPOSITORY = Path(__file__).resolve().parents[1]


def shipped_hotspots() -> pd.DataFrame:
    """Return the hotspot table of the repository, as text."""
    path = REPOSITORY / "resources" / "cnv_hotspots.tsv"
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def settings() -> dict[str, Any]:
    """Return the settings that are shipped."""
    return dict(yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text("utf-8")))


def shipped_points() -> pd.DataFrame:
    """Return the hotspots of point mutations of the repository, as text."""
    path = REPOSITORY / "resources" / "snv_hotspots.tsv"
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def cancer_genes() -> list[str]:
    """Return the cancer genes of the repository."""
    path = REPOSITORY / "resources" / "cancer_genes.tsv"
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)["gene"].tolist()


def contrast(fractions: dict[str, float], seed: int, step_bp: int = 40_000) -> pd.DataFrame:
    """Return a CONTRAST of seven chromosomes with the two events at these cell fractions."""
    random = np.random.default_rng(seed)
    parts = []
    for chrom in ("chr7", "chr8", "chr12", "chr17", "chr18", "chr20", "chrX"):
        start = np.arange(10_000, GRCH38.lengths[chrom] - 10_000, step_bp)
        start = start + random.integers(0, step_bp // 2, len(start))
        c = np.zeros(len(start))
        if chrom == "chr12":
            c[:] = fractions["tri12"]
        if chrom == "chr20":
            c[(start >= 31_000_000) & (start < 33_600_000)] = fractions["gain20"]
        wave = 0.03 * np.sin(start / 6e6 + random.uniform(0, 6))
        level = np.log2((2 + c) / 2) + wave + random.normal(0, 0.18, len(start))
        sign = random.choice([-1.0, 1.0], len(start))
        shift = sign * c / (2 * (2 + c)) + random.normal(0, 0.04, len(start))
        shift[random.random(len(start)) > 0.32] = np.nan
        parts.append(
            pd.DataFrame(
                {
                    "chrom": pd.Categorical([chrom] * len(start), dtype=CHROM_DTYPE),
                    "start": start,
                    "end": start + 1,
                    "log_ratio": level,
                    "log_ratio_sd": 0.18,
                    "log_ratio_shared_sd": 0.05,
                    "shift": shift,
                    "shift_sd": 0.038,
                    "shift_shared_sd": 0.0125,
                    "log_ratio_baseline": 0.0,
                    "shift_baseline": 0.0,
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    return tables.check(frame.astype({"chrom": CHROM_DTYPE}), tables.CONTRAST)


def _frame(rows: list[dict[str, object]], table: tables.Table) -> pd.DataFrame:
    return tables.check(pd.DataFrame(rows, columns=table.names), table) if rows else table.empty()


def events(line: str, *, inherited: bool = True) -> pd.DataFrame:
    """Return the EVENTS of the line: two acquired, and one of the donor."""
    common = {"line": line, "hotspot_id": "", "genes": "", "note": ""}
    inherited_gain = common | {
        "event_id": "evt-7q", "chrom": "chr7", "start": 79_000_000, "end": 79_900_000,
        "start_low": 78_990_000, "start_high": 79_010_000,
        "end_low": 79_890_000, "end_high": 79_910_000, "band": INHERITED_BAND, "kind": "gain",
        "copies": 3, "origin": "inherited", "first_passage": 12, "quality": 99.0,
        "false_event_rate": 1e-10, "iscn": "arr[GRCh38] 7q21.11(79,000,001_79,900,000)×3 inh",
    }  # fmt: skip
    trisomy = common | {
        "event_id": "evt-12", "chrom": "chr12", "start": 10_000, "end": 133_265_309,
        "start_low": 0, "start_high": 90_000, "end_low": 133_200_000, "end_high": 133_275_309,
        "band": "12", "kind": "gain", "copies": 3, "origin": "acquired", "first_passage": 38,
        "quality": 74.0, "false_event_rate": 4e-8, "hotspot_id": "trisomy_12;gain_12p",
        "genes": "NANOG;GDF3", "iscn": "arr (12)×3[0.4]",
    }  # fmt: skip
    gain = common | {
        "event_id": "evt-20", "chrom": "chr20", "start": 31_000_000, "end": 33_600_000,
        "start_low": 30_900_000, "start_high": 31_060_000,
        "end_low": 33_540_000, "end_high": 33_690_000, "band": "20q11.21", "kind": "gain",
        "copies": 3, "origin": "acquired", "first_passage": 25, "quality": 99.0,
        "false_event_rate": 1e-10, "hotspot_id": "gain_20q11.21;gain_20q11.21_core",
        "genes": "ID1;BCL2L1;HM13", "note": "grows through the passages",
        "iscn": "arr[GRCh38] 20q11.21q11.22(31,000,001_33,600,000)×3[0.85]",
    }  # fmt: skip
    return _frame(([inherited_gain] if inherited else []) + [trisomy, gain], tables.EVENTS)


def _state(fraction: float, limit: float, failed: bool) -> dict[str, object]:
    nothing = {name: np.nan for name in ("cell_fraction", "low", "high", "limit")}
    if failed:
        return nothing | {
            "state": "not_testable",
            "reason": "failed quality: log ratio sd .46, at most .35",
        }
    if fraction < limit:
        return nothing | {"state": "absent", "limit": limit, "reason": ""}
    spread = 0.03 + 0.05 * fraction
    low, high = max(fraction - spread, 0.0), min(fraction + spread, 1.0)
    return {
        "state": "present", "cell_fraction": fraction, "low": low, "high": high,
        "limit": limit, "reason": "",
    }  # fmt: skip


def trajectories(
    line: str, donor: str, *, failed: int | None = None, inherited: bool = True
) -> pd.DataFrame:
    """Return the TRAJECTORIES of the events over donor and passages."""
    rows = []
    found = [("evt-12", (0.0, *FRACTIONS["tri12"])), ("evt-20", (0.0, *FRACTIONS["gain20"]))]
    found += [("evt-7q", (1.0,) * 5)] if inherited else []
    samples = [(f"{donor}-p0", 0), *((f"{line}-p{p}", p) for p in PASSAGES)]
    for event_id, fractions in found:
        for (sample, passage), fraction in zip(samples, fractions, strict=True):
            state = _state(fraction, 0.052, passage == failed)
            support = 80 * fraction if state["state"] != "not_testable" else np.nan
            rows.append(
                {"event_id": event_id, "sample": sample, "passage": passage}
                | {"support": support, "snp_array": support}
                | state
            )
    return _frame(rows, tables.TRAJECTORIES)


def hotspots(line: str, *, failed: int | None = None, sex: str = "female") -> pd.DataFrame:
    """Return the HOTSPOTS of the line: every row of the shipped table in every passage."""
    found = {"gain_20q11.21": "gain20", "gain_20q11.21_core": "gain20"}
    found |= {"trisomy_12": "tri12", "gain_12p": "tri12", "gain_12p13.31_core": "tri12"}
    rows = []
    for n, spot in enumerate(shipped_hotspots().itertuples()):
        for i, passage in enumerate(PASSAGES):
            fraction = FRACTIONS[found[spot.id]][i] if spot.id in found else 0.0
            state = _state(fraction, 0.04 + 0.004 * (n % 12), passage == failed)
            if spot.chrom == "chrY" and sex == "female":
                state = _state(0.0, 1.0, True) | {"reason": "sex: a female line has no Y"}
            event = "evt-20" if found.get(spot.id) == "gain20" else "evt-12"
            rows.append(
                {"hotspot_id": spot.id, "label": spot.label, "tier": spot.tier}
                | {"sample": f"{line}-p{passage}", "passage": passage}
                | {"event_id": event if state["state"] == "present" else ""}
                | state
            )
    return _frame(rows, tables.HOTSPOTS)


def quality(line: str, *, failed: int | None = None) -> pd.DataFrame:
    """Return the QUALITY of the line; one passage may have failed."""
    rows = []
    for passage in PASSAGES:
        bad = passage == failed
        for figure, label, value, expected, state in (
            ("call_rate", "call rate", ".914" if bad else ".996", "at least .97", bad),
            ("log_ratio_sd", "log R ratio, sd", ".46" if bad else ".18", "at most .35", bad),
            ("b_sd", "B-allele frequency, sd", ".040", "at most .06", False),
            ("wave", "wave, sd of 1 Mb blocks", ".031", "at most .06", False),
            ("sex", "sex", "female", "female", False),
            ("contamination", "other DNA", "0.4 %", "at most 2 %", False),
        ):
            reason = "too few genotypes were called" if state and figure == "call_rate" else ""
            rows.append(
                {"sample": f"{line}-p{passage}", "assay": "snp_array", "figure": figure}
                | {"label": label, "value": value, "expected": expected}
                | {"state": "fail" if state else "pass", "reason": reason}
            )
    return _frame(rows, tables.QUALITY)


def identity(line: str, donor: str, *, failed: int | None = None) -> pd.DataFrame:
    """Return the IDENTITY of the line's measurements."""
    return _frame(
        [
            {"sample": f"{line}-p{p}", "assay": "snp_array"}
            | {"state": "not_testable" if p == failed else "confirmed"}
            | {"expected_sex": "female", "sex": "female", "compared_with": f"{donor}-p0"}
            | {"looks_like": "", "reason": "failed quality" if p == failed else ""}
            for p in PASSAGES
        ],
        tables.IDENTITY,
    )


def verdict(record: LineRecord, donor: str) -> dict[str, object]:
    """Return verdict.json of a record, by the rules and settings that are shipped."""
    line = record.line | {"parent": donor}
    _, words = assess(
        line, record.measurements, record.events, record.trajectories, record.hotspots,
        shipped_hotspots(), record.quality, record.identity, settings()["verdict"],
        record.variants, shipped_points(), cancer_genes(),
    )  # fmt: skip
    return words


def _signals(line, own, assays, step_bp, private, empty) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tracks of a line's measurements, and the markers around its events."""
    binned, loci = [], []
    for i, passage in enumerate(PASSAGES):
        fractions = {key: 0.0 if empty else values[i] for key, values in FRACTIONS.items()}
        for n, assay in enumerate(assays):
            measured = contrast(fractions, seed=100 * n + passage, step_bp=step_bp * (1 + 4 * n))
            name = {"sample": f"{line}-p{passage}", "assay": assay}
            binned.append(tracks(measured, **name, bin_bp=500_000 if private else 1_000_000))
            loci.append(markers_around(measured, own, **name, per_event=400))
    return pd.concat(binned, ignore_index=True), pd.concat(loci, ignore_index=True)


def _measurements(line: str, donor: str, assays: tuple[str, ...]) -> pd.DataFrame:
    """Return the measurements of a line, one a passage and assay; no baseline without a donor."""
    return pd.DataFrame(
        [
            {"sample": f"{line}-p{p}", "line": line, "passage": p, "assay": assay}
            | {"format": "bam" if assay == "wes" else "final_report", "batch": f"B{p // 20}"}
            | {"platform": "Exome v8" if assay == "wes" else "GSA-24v3"}
            | {"bank": {12: "seed", 38: "MCB", 52: "WCB"}.get(p, "")}
            | {"baseline": f"{donor}-p0" if donor else ""}
            for p in PASSAGES
            for assay in assays
        ]
    )


def line_record(
    line: str = "LD001",
    *,
    tier: str = "private",
    donor: str = "D01",
    failed: int | None = None,
    empty: bool = False,
    step_bp: int = 15_000,
    exome: bool = False,
    text: str = "",
) -> LineRecord:
    """Return the record of one line; `empty` has no event, `failed` names a bad passage.

    With `exome` each passage has an exome as well; `text` stands where its variants have texts.
    """
    assays = ("snp_array", "wes") if exome else ("snp_array",)
    private = tier == "private"
    own = events(line, inherited=private)
    own = tables.EVENTS.empty() if empty else own
    found = trajectories(line, donor, failed=failed, inherited=private)
    found = tables.TRAJECTORIES.empty() if empty else found
    spots = hotspots(line, failed=failed)
    if empty:
        spots.loc[spots["state"] == "present", ["cell_fraction", "low", "high"]] = np.nan
        spots.loc[spots["state"] == "present", ["state", "event_id"]] = ["absent", ""]
    shown = _signals(line, own, assays, step_bp, private, empty)
    found_variants = fake_variants.variants(line, donor, failed=failed, empty=empty, text=text)
    record = LineRecord(
        tier=tier,
        line={
            "line": line, "kind": "line", "parent": donor if private else "", "sex": "female",
            "tier": "public", "registry_id": "LDBi001-A", "source_cell": "dermal fibroblast",
            "reprogramming": "Sendai virus", "description": "Made-up line of the tests",
        },
        measurements=_measurements(line, donor if private else "", assays),
        events=own,
        trajectories=found,
        hotspots=spots,
        quality=quality(line, failed=failed),
        identity=identity(line, donor, failed=failed) if private else tables.IDENTITY.empty(),
        findings=tables.FINDINGS.empty(),
        tracks=shown[0],
        markers=shown[1] if private else shown[1].iloc[:0],
        verdict={},
        inherited=3,
        settings={"events": {"false_events_per_genome": 0.01}, "quality": {"call_rate": 0.97}},
        provenance={
            "linedrift": "0.1.0", "made": "2026-11-22", "reference": "GRCh38",
            "samples.tsv (SHA-256)": "9f2c" * 16,
        },
        variants=found_variants if exome else Variants(),
        downloads=(
            ("events.tsv", "events of the line", "ab12" * 16),
            ("trajectories.tsv", "cell fractions by passage", "cd34" * 16),
            ("events.vcf.gz", "the same, VCF 4.4", "ef56" * 16),
        ),
    )  # fmt: skip
    return dataclasses.replace(record, verdict=verdict(record, donor))


def bank_record(n_lines: int = 6, *, tier: str = "private", hostile: bool = False) -> BankRecord:
    """Return the record of a bank; with `hostile`, lines bear names that attack the page."""
    private = tier == "private"
    names = list(HOSTILE_NAMES) if hostile else []
    names += [f"LD{i:03d}" for i in range(1, n_lines + 1 - len(names))]
    rows, spots, figures, people = [], [], [], []
    for i, name in enumerate(names):
        failed = 52 if i % 5 == 3 else None
        word = "insufficient" if failed else ("stable", "altered", "watch", "altered")[i % 4]
        rows.append(
            {
                "line": name, "kind": "line", "parent": f"D{i // 3:02d}" if private else "",
                "sex": "female", "tier": "private" if private and i % 4 == 2 else "public",
                "registry_id": f"LDBi{i:03d}-A", "source_cell": "dermal fibroblast",
                "reprogramming": ("Sendai virus", "episomal")[i % 2], "description": "",
                "verdict": word, "sentence": f"The verdict of {name} is {word}.",
                "latest_passage": 52, "n_passages": 4, "assays": "snp_array",
                "n_acquired": {"altered": 2, "watch": 1}.get(word, 0), "n_inherited": i % 4,
                "hotspots_present": "20q11.21 gain;trisomy 12" if word == "altered" else "",
                "n_variants": (3 if i % 2 else 0) if i % 3 else "",
                "variants_present": "TP53 R175H in 45 %" if i % 3 and i % 2 else "",
                "page": f"{name}.html",
            }
        )  # fmt: skip
        latest = hotspots(name, failed=failed).query("passage == 52")
        if word != "altered":
            there = latest["state"] == "present"
            latest.loc[there, ["cell_fraction", "low", "high"]] = np.nan
            latest.loc[there, ["state", "event_id"]] = ["absent", ""]
        spots.append(latest.assign(line=name))
        figures.append(quality(name, failed=failed))
        people.append(identity(name, f"D{i // 3:02d}", failed=failed))
    pairs = [
        {"sample": f"{names[0]}-p52", "assay": "snp_array", "other_sample": f"{names[1]}-p12"}
        | {"other_assay": "snp_array", "n_loci": 61_204, "concordance": 0.999, "kinship": 0.497}
        | {"expected": "unrelated", "observed": "same", "state": "conflict"}
        | {"text": f"{names[0]}-p52 and {names[1]}-p12 have one genotype; the sheet differs."}
    ]  # fmt: skip
    return BankRecord(
        tier=tier,
        name="Stem-cell bank",
        lines=pd.DataFrame(rows),
        hotspots=pd.concat(spots, ignore_index=True),
        quality=pd.concat(figures, ignore_index=True),
        identity=pd.concat(people, ignore_index=True) if private else tables.IDENTITY.empty(),
        pairs=_frame(pairs if private else [], tables.IDENTITY_PAIRS),
        provenance={"linedrift": "0.1.0", "made": "2026-11-22"},
        downloads=(("bank.tsv", "one row per line", "ab12" * 16),),
    )
