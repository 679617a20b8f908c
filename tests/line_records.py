"""Small frames of a line with known content, for tests of the verdict, exports and privacy."""

import numpy as np
import pandas as pd
import yaml
from fake_records import REPOSITORY
from linedrift import sequencing_tables as sequencing
from linedrift import tables
from linedrift.genome import CHROM_DTYPE, GRCH38
from linedrift.records import LineRecord, Variants
from linedrift.verdict import verdict

NAN = float("nan")
LINE = {
    "line": "KSB-1",
    "kind": "line",
    "parent": "donor-7",
    "sex": "female",
    "tier": "public",
    "registry_id": "KSCBi001-A",
    "source_cell": "fibroblast",
    "reprogramming": "episomal",
    "description": "a line of the tests",
}


def measurements(passages=(10, 30), line="KSB-1", banked=(), assays=("snp_array",)):
    rows = [
        {
            "sample": f"{line}-p{passage}",
            "line": line,
            "passage": passage,
            "assay": assay,
            "format": {"snp_array": "final_report", "wes": "bam"}[assay],
            "platform": {"snp_array": "GSA v3", "wes": "Exome v8"}[assay],
            "batch": "B1",
            "bank": "MCB" if passage in banked else "",
            "baseline": "donor-7-p0",
        }
        for passage in passages
        for assay in assays
    ]
    return pd.DataFrame(rows)


def event(**values):
    """Return a row of EVENTS: by default a gain of 20q11.21, acquired and certain."""
    row = {
        "event_id": "e-20q",
        "line": "KSB-1",
        "chrom": "chr20",
        "start": 30_412_345,
        "end": 32_912_345,
        "start_low": 30_400_001,
        "start_high": 30_420_003,
        "end_low": 32_900_017,
        "end_high": 32_931_111,
        "band": "20q11.21q11.22",
        "kind": "gain",
        "copies": 3,
        "origin": "acquired",
        "first_passage": 30,
        "quality": 57.3,
        "false_event_rate": 1e-6,
        "hotspot_id": "gain_20q11.21",
        "genes": "BCL2L1",
        "iscn": "arr[GRCh38] 20q11.21q11.22(30,412,346_32,912,345)×3[0.85]",
        "note": "",
    }
    if "start" in values:
        near = {"start_low": values["start"], "start_high": values["start"]}
        values = near | {"end_low": values["end"], "end_high": values["end"]} | values
    return row | values


def state(event_id="e-20q", passage=30, fraction=0.85, line="KSB-1", **values):
    """Return a row of TRAJECTORIES: present at `fraction`, or absent where it is NaN."""
    present = fraction == fraction
    row = {
        "event_id": event_id,
        "sample": f"{line}-p{passage}",
        "passage": passage,
        "state": "present" if present else "absent",
        "cell_fraction": fraction,
        "low": fraction - 0.05,
        "high": fraction + 0.05,
        "limit": 0.04,
        "support": 55.5,
        "reason": "",
    }
    # What each assay says of it, whichever assays there are.
    row = {name: 55.5 for name in tables.TRAJECTORIES.names} | row
    return row | values


def frame(table, rows):
    """Return rows as a checked frame of that table."""
    made = pd.DataFrame(rows) if rows else table.empty()
    made = tables.conform(made, table)
    return tables.check(tables.in_genome_order(made) if table.order else made, table)


def hotspots(table, passages=(10, 30), line="KSB-1", present=(), **values):
    """Return HOTSPOTS, all absent down to 8 % but those of `present` (hotspot, passage, event)."""
    rows = []
    for passage in passages:
        for spot in table.to_dict("records"):
            rows.append(
                {
                    "hotspot_id": spot["id"],
                    "label": spot["label"],
                    "tier": spot["tier"],
                    "sample": f"{line}-p{passage}",
                    "passage": passage,
                    "state": "absent",
                    "cell_fraction": NAN,
                    "low": NAN,
                    "high": NAN,
                    "limit": 0.08,
                    "event_id": "",
                    "reason": "",
                }
                | values
            )
    for spot, passage, event_id in present:
        row = next(r for r in rows if r["hotspot_id"] == spot and r["passage"] == passage)
        row |= {"state": "present", "cell_fraction": 0.85, "low": 0.8, "high": 0.9}
        row["event_id"] = event_id
    return frame(tables.HOTSPOTS, rows)


def quality(passages=(10, 30), line="KSB-1", **values):
    rows = [
        {
            "sample": f"{line}-p{passage}",
            "assay": "snp_array",
            "figure": "call_rate",
            "label": "Call rate",
            "value": "0.9987",
            "expected": ">= 0.97",
            "state": "pass",
            "reason": "",
        }
        | values
        for passage in passages
    ]
    return frame(tables.QUALITY, rows)


def identity(passages=(10, 30), line="KSB-1", **values):
    rows = [
        {
            "sample": f"{line}-p{passage}",
            "assay": "snp_array",
            "state": "confirmed",
            "expected_sex": "female",
            "sex": "female",
            "compared_with": "donor-7-p0",
            "looks_like": "",
            "reason": "",
        }
        | values
        for passage in passages
    ]
    return frame(tables.IDENTITY, rows)


def settings():
    """Return the settings that are shipped."""
    return yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text("utf-8"))


def hotspot_table():
    """Return the hotspot table that is shipped."""
    path = REPOSITORY / "resources" / "cnv_hotspots.tsv"
    return pd.read_csv(path, sep="\t", keep_default_na=False)


# Variants -----------------------------------------------------------------------------------


def point_table():
    """Return the hotspots of point mutations that are shipped."""
    path = REPOSITORY / "resources" / "snv_hotspots.tsv"
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def cancer_genes():
    """Return the names of the cancer genes that are shipped."""
    path = REPOSITORY / "resources" / "cancer_genes.tsv"
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)["gene"].tolist()


def variant(**values):
    """Return a row of VARIANTS: by default TP53 R175H, acquired and certain."""
    row = {
        "variant_id": "v-175",
        "line": "KSB-1",
        "chrom": "chr17",
        "start": 7_675_087,
        "end": 7_675_088,
        "ref": "C",
        "alt": "T",
        "kind": "snv",
        "origin": "acquired",
        "first_passage": 30,
        "quality": 60.0,
        "posterior": 0.999999,
        "gene": "TP53",
        "consequence": "missense",
        "protein_change": "p.Arg175His",
        "hotspot_id": "TP53:p.Arg175His",
        "disputed": False,
        "note": "",
    }
    return row | values


def elsewhere(n=1, gene="TTN", consequence="missense", **values):
    """Return a row of VARIANTS outside hotspots: number `n` of a gene."""
    start = 178_525_990 + 1000 * n
    return variant(
        variant_id=f"v-{gene}-{n}", chrom="chr2", start=start, end=start + 1, ref="G", alt="A",
        gene=gene, consequence=consequence, protein_change=f"p.Gly{n}Ser", hotspot_id="",
    ) | values  # fmt: skip


def course(variant_id="v-175", passage=30, fraction=0.45, line="KSB-1", **values):
    """Return a row of VARIANT_COURSES: present at `fraction`, or absent where it is NaN."""
    present = fraction == fraction
    alt = round(50 * fraction) if present else 0
    return {
        "variant_id": variant_id,
        "sample": f"{line}-p{passage}",
        "passage": passage,
        "state": "present" if present else "absent",
        "cell_fraction": fraction,
        "low": fraction - 0.1,
        "high": fraction + 0.1,
        "limit": 0.07,
        "allele_fraction": alt / 100,
        "ref_reads": 100 - alt,
        "alt_reads": alt,
        "copies": 2.0,
        "reason": "",
    } | values


def points(passages=(10, 30), line="KSB-1", present=(), **values):
    """Return VARIANT_HOTSPOTS, all absent down to 9 % but those of `present` (id, passage, ...).

    An entry of `present` is hotspot, passage and what its row has otherwise.
    """
    rows = []
    for passage in passages:
        for spot in point_table().query("scope == 'point'").to_dict("records"):
            row = {
                "hotspot_id": spot["id"],
                "gene": spot["gene"],
                "chrom": spot["chrom"],
                "start": int(spot["start"]),
                "ref": spot["ref"],
                "alt": spot["alt"],
                "flags": spot["tier"] == "A",
                "sample": f"{line}-p{passage}",
                "passage": passage,
                "state": "absent",
                "cell_fraction": NAN,
                "low": NAN,
                "high": NAN,
                "limit": 0.09,
                "depth": 100,
                "origin": "unknown",
                "reason": "",
            }
            rows.append(row | values)
    for spot, passage, more in present:
        row = next(r for r in rows if r["hotspot_id"] == spot and r["passage"] == passage)
        row |= {"state": "present", "cell_fraction": 0.45, "low": 0.35, "high": 0.55}
        row |= {"origin": "acquired"} | more
    made = pd.DataFrame(rows).astype({"chrom": CHROM_DTYPE})
    made = made.sort_values(["chrom", "start"], kind="stable", ignore_index=True)
    return tables.check(made, sequencing.VARIANT_HOTSPOTS)


def variants(called=None, courses=None, hotspots=None, **facts):
    """Return the variants of a line: by default TP53 R175H that is there at passage 30."""
    if called is None:
        called = [variant()]
        courses = [course(passage=10, fraction=NAN), course()]
        hotspots = points(present=[("TP53:p.Arg175His", 30, {})])
    return Variants(
        called=frame(sequencing.VARIANTS, list(called)),
        courses=frame(sequencing.VARIANT_COURSES, list(courses or [])),
        hotspots=points() if hotspots is None else hotspots,
        facts=facts,
    )


def tracks(passages=(10, 30), line="KSB-1", chroms=("chr3", "chr17", "chr20"), bin_bp=100_000):
    """Return TRACKS with plain noise."""
    random = np.random.default_rng(7)
    parts = []
    for passage in passages:
        for chrom in chroms:
            start = np.arange(0, GRCH38.lengths[chrom] - bin_bp, bin_bp)
            parts.append(
                pd.DataFrame(
                    {
                        "chrom": pd.Categorical([chrom] * len(start), dtype=CHROM_DTYPE),
                        "start": start,
                        "end": start + bin_bp,
                        "sample": f"{line}-p{passage}",
                        "assay": "snp_array",
                        "log_ratio": random.normal(0, 0.04, len(start)),
                        "imbalance": np.abs(random.normal(0, 0.01, len(start))),
                    }
                )
            )
    return tables.check(pd.concat(parts, ignore_index=True), tables.TRACKS)


def markers(line="KSB-1", passage=30):
    """Return a few single loci around the event at 20q11.21."""
    start = np.arange(30_000_000, 33_000_000, 50_000)
    loci = pd.DataFrame({"chrom": "chr20", "start": start, "end": start + 1})
    for column in tables.CONTRAST.columns[3:]:
        loci[column.name] = np.linspace(-0.4, 0.4, len(loci))
    loci.loc[::3, "shift"] = NAN
    loci = tables.check(loci.astype({"chrom": CHROM_DTYPE}), tables.CONTRAST)
    return loci.assign(sample=f"{line}-p{passage}", assay="snp_array")


def record(events=None, states=None, line=LINE, passages=(10, 30), **values):
    """Return the private record of the line of the tests, judged by the settings shipped."""
    name = line["line"]
    events = frame(tables.EVENTS, [event()] if events is None else list(events))
    if states is None:
        states = [state(), state(passage=10, fraction=NAN), state(passage=0, fraction=NAN)]
        states[2]["sample"] = "donor-7-p0"
    states = frame(tables.TRAJECTORIES, list(states))
    table = hotspot_table()
    frames = {
        "measurements": measurements(passages, name),
        "hotspots": hotspots(table, passages, name),
        "quality": quality(passages, name),
        "identity": identity(passages, name),
    }
    frames |= {key: value for key, value in values.items() if key in frames}
    found = values.get("variants", Variants())
    findings, words = verdict.assess(
        line,
        events=events,
        trajectories=states,
        hotspot_table=table,
        settings=settings()["verdict"],
        variants=found,
        point_table=point_table(),
        cancer_genes=cancer_genes(),
        **frames,
    )
    rest = {
        "tier": "private",
        "findings": findings,
        "tracks": tracks(passages, name),
        "markers": markers(name, passages[-1]),
        "verdict": words,
        "inherited": int((events["origin"] == "inherited").sum()),
        "settings": settings(),
        "provenance": {"linedrift": "0.1.0", "made": "2026-11-22", "reference": "GRCh38"},
    }
    return LineRecord(line=line, events=events, trajectories=states, **(rest | frames | values))
