"""The events of a line as text of VCF 4.4, and what its formats share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.genome import CHROMOSOMES, GRCH38, Karyotype, is_pseudoautosomal
from linedrift.quality.sex import agreed_sex
from linedrift.records import LineRecord
from linedrift.wording import percent_up

_ALTERNATE = {"gain": "DUP", "amplification": "DUP", "loss": "DEL", "deep_loss": "DEL"}

# A quality of 99 is one false event in eight billion genomes: more says nothing.
MOST_QUALITY = 99.0


def vcf_text(record: LineRecord) -> str:
    """Return the events as text of VCF 4.4.

    POS is the base before the event, 1-based, END its last base and SVLEN their difference; an
    event that begins with the chromosome is moved by one base, since there is none before it.
    Sequence is not stated (REF is N): linedrift has no reference sequence at hand.
    """
    samples = samples_of(record)
    lines = [
        *_vcf_header(record),
        "\t".join(
            ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
        ),
    ]
    states = {(row["event_id"], row["sample"]): row for row in rows_of(record.trajectories)}
    events = tables.in_genome_order(tables.conform(record.events, tables.EVENTS))
    for event in rows_of(events):
        cells = [
            _vcf_sample(event, states.get((event["event_id"], sample)), record)
            for sample in samples
        ]
        filter_ = "candidate" if is_candidate(event, record) else "PASS"
        lines.append("\t".join([*_vcf_site(event, filter_), "CN:CF:CFCI:CFL:ST", *cells]))
    return "\n".join(lines) + "\n"


def _vcf_header(record: LineRecord) -> list[str]:
    info = (
        ("END", "1", "Integer", "Last base of the event"),
        ("SVTYPE", "1", "String", "Type of structural variant"),
        ("SVLEN", "A", "Integer", "Length of the event"),
        ("SVCLAIM", "A", "String", "Claim: D, from abundance of DNA"),
        ("CIPOS", ".", "Integer", "95 % interval around POS"),
        ("CIEND", ".", "Integer", "95 % interval around END"),
        ("IMPRECISE", "0", "Flag", "Ends lie between two loci"),
        ("KIND", "1", "String", "gain, loss, amplification, deep_loss or cn_loh"),
        ("CNLOH", "0", "Flag", "Copy-neutral loss of heterozygosity"),
        ("COPIES", "1", "Integer", "Copies in the cells that carry the event"),
        ("ORIGIN", "1", "String", "acquired, inherited or unknown"),
        ("HOTSPOT", ".", "String", "Recurrent hotspots of stem-cell lines"),
        ("BAND", "1", "String", "Cytogenetic band"),
        ("FIRSTPASSAGE", "1", "Integer", "Earliest passage where the event is present"),
        ("FALSEEVENTS", "1", "Float", "Expected false events of this quality in a genome"),
    )
    formats = (
        ("CN", "1", "Float", "Copy number, mean over all cells of the sample"),
        ("CF", "1", "Float", "Share of cells that carry the event"),
        ("CFCI", "2", "Float", "95 % interval of CF"),
        ("CFL", "1", "Float", "Smallest share of cells found with 95 % probability"),
        ("ST", "1", "String", "present, absent (below CFL) or not_testable"),
    )
    alternates = (
        ("DUP", "Gain"),
        ("DEL", "Loss"),
        ("CNV", "Copy-neutral change"),
    )
    return [
        "##fileformat=VCFv4.4",
        f"##source=linedrift {one_line(record.provenance.get('linedrift', ''))}".rstrip(),
        "##reference=GRCh38",
        f"##linedriftLine={one_line(record.line['line'])}",
        f"##linedriftTier={record.tier}",
        f"##linedriftResult={one_line(what_was_found(record))}",
        *(f"##contig=<ID={chrom},length={GRCH38.lengths[chrom]}>" for chrom in CHROMOSOMES),
        *(f'##ALT=<ID={name},Description="{text}">' for name, text in alternates),
        '##FILTER=<ID=candidate,Description="More false events are expected than allowed">',
        *definitions("INFO", info),
        *definitions("FORMAT", formats),
    ]


def definitions(of: str, rows: Iterable[tuple[str, str, str, str]]) -> list[str]:
    """Return header lines of INFO or FORMAT from ID, Number, Type and Description."""
    return [
        f'##{of}=<ID={name},Number={number},Type={kind},Description="{text}">'
        for name, number, kind, text in rows
    ]


def one_line(text: object) -> str:
    """Return text without line breaks or runs of spaces."""
    return " ".join(str(text).split())


def _vcf_site(event: dict[str, Any], filter_: str) -> list[str]:
    """Return CHROM to INFO of an event."""
    alternate = _ALTERNATE.get(event["kind"], "CNV")
    # There is no base before the first one of a chromosome.
    pos, end = max(int(event["start"]), 1), int(event["end"])
    info = {
        "SVTYPE": alternate,
        "END": end,
        "SVLEN": end - pos,
        "SVCLAIM": "D",
        "CIPOS": f"{max(event['start_low'], 1) - pos},{max(event['start_high'], 1) - pos}",
        "CIEND": f"{event['end_low'] - end},{event['end_high'] - end}",
        "IMPRECISE": None,
        "KIND": event["kind"],
        "COPIES": event["copies"],
        "ORIGIN": event["origin"],
        "BAND": escaped(event["band"]),
    }
    if event["kind"] == "cn_loh":
        info["CNLOH"] = None
    if event["hotspot_id"]:
        info["HOTSPOT"] = ",".join(map(escaped, event["hotspot_id"].split(";")))
    if not pd.isna(event["first_passage"]):
        info["FIRSTPASSAGE"] = int(event["first_passage"])
    if not math.isnan(event["false_event_rate"]):
        info["FALSEEVENTS"] = number(event["false_event_rate"])
    quality = min(float(event["quality"]), MOST_QUALITY)
    return [
        str(event["chrom"]),
        str(pos),
        escaped(event["event_id"]) or ".",
        "N",
        f"<{alternate}>",
        number(quality),
        filter_,
        ";".join(key if value is None else f"{key}={value}" for key, value in info.items()),
    ]


def _vcf_sample(event: dict[str, Any], state: dict[str, Any] | None, record: LineRecord) -> str:
    """Return CN:CF:CFCI:CFL:ST of an event in a sample; a point where nothing is known."""
    if state is None or state["state"] == "not_testable":
        return ".:.:.,.:.:not_testable"
    copies = mean_copies(event, state, record)
    interval = f"{number(state['low'])},{number(state['high'])}"
    fraction, limit = number(state["cell_fraction"]), number(state["limit"])
    return f"{number(copies)}:{fraction}:{interval}:{limit}:{state['state']}"


def mean_copies(event: dict[str, Any], state: dict[str, Any], record: LineRecord) -> float:
    """Return the copies of the event's stretch, the mean over all cells of a sample."""
    expected = expected_copies_at(str(event["chrom"]), int(event["start"]), record)
    if state["state"] != "present" or event["kind"] == "cn_loh":
        return expected
    fraction = state["cell_fraction"]
    return (1 - fraction) * expected + fraction * event["copies"]


def expected_copies_at(chrom: str, start: int, record: LineRecord) -> int:
    """Return the copies that a cell of the line was born with at a place.

    Where the sheet does not know the sex it is the one that all measurements tell, by which the
    events were called.
    """
    shared = bool(is_pseudoautosomal(np.array([chrom]), np.array([start]))[0])
    own = record.identity[record.identity["sample"].isin(samples_of(record))]
    sex = agreed_sex(record.line.get("sex", "unknown") or "unknown", own["sex"].astype("str"))
    return Karyotype(sex).expected_copies(chrom, pseudoautosomal=shared)


def what_was_found(record: LineRecord) -> str:
    """Return how many events there are or, where none, down to which limit none was found."""
    own = record.events[record.events["origin"] != "inherited"]
    counted = sum(not is_candidate(event, record) for event in rows_of(own))
    if counted:
        return f"{counted} event{'s' * (counted > 1)} not inherited"
    samples = samples_of(record)
    spots = record.hotspots[record.hotspots["state"] == "absent"]
    limits = spots.loc[spots["sample"].isin(samples), "limit"].dropna()
    text = f"no event found that is not inherited, in {len(samples)} passages"
    if limits.empty:
        return f"{text}; no limit can be stated"
    low, high = percent_up(float(limits.min())), percent_up(float(limits.max()))
    return f"{text}; hotspots called absent would have been seen from {low} to {high} of cells on"


def is_candidate(event: dict[str, Any], record: LineRecord) -> bool:
    """Return whether more false events are expected than the verdict's rules allow."""
    settings = record.verdict.get("basis", {}).get("settings", {})
    most = settings.get("max_false_event_rate", math.inf)
    return bool(event["false_event_rate"] > most)


def samples_of(record: LineRecord) -> list[str]:
    """Return the line's own samples by passage: rows of its donor are left out."""
    own = record.measurements
    own = own[own["line"] == record.line["line"]].drop_duplicates("sample")
    return own.sort_values("passage", key=lambda column: column.astype(int))["sample"].tolist()


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as dictionaries."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def number(value: float) -> str:
    """Return a number with four digits, a point where there is none."""
    return "." if pd.isna(value) else f"{value:.4g}"


def escaped(text: object) -> str:
    """Return text for an INFO value: what separates there is percent-encoded (VCF 4.3, 1.2)."""
    return re.sub(r"[%:;=,\s]", lambda found: f"%{ord(found[0]):02X}", str(text))
