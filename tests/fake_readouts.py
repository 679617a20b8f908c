"""Readouts of made-up lines: what rules of RNA-seq and of methylation would have written.

A female line with banked passages: imprinting of H19 is lost step by step and PEG3 at the end,
XIST goes, methylation drifts, one vector has reads; the MEG3/DLK1 IG-DMR has no probe.
"""

import numpy as np
import pandas as pd
from linedrift import tables
from linedrift.methylation_tables import DIFFERENCES
from linedrift.readout_tables import READOUTS
from linedrift.records import Readouts

NAN = np.nan
H19 = "H19/IGF2:IG-DMR"
IMPRINTED = {
    H19: "chr11:1,997,583-2,003,510",
    "PEG3:TSS-DMR": "chr19:56,837,126-56,841,903",
    "MEG3:TSS-DMR": "chr14:100,824,188-100,827,641",
    "MEG3/DLK1:IG-DMR": "chr14:100,809,091-100,811,721",
    "KCNQ1OT1:TSS-DMR": "chr11:2,698,719-2,701,029",
    "SNURF:TSS-DMR": "chr15:24,954,858-24,956,829",
}
OTHERS = {"NESP55:extended": "chr20:58,850,594-58,852,978"}
LINEAGE = (
    "PAX6", "SOX1", "NES", "OTX2", "LHX2", "MIXL1", "TBXT", "HAND1", "GATA4", "GATA6", "SOX17",
    "FOXA2", "AFP", "CDX2",
)  # fmt: skip


def row(passage=30, line="KSB-1", **values):
    """Return a row of READOUTS: by default H19 as it should be, by methylation."""
    made = {
        "sample": f"{line}-p{passage}", "passage": passage, "assay": "methylation",
        "group": "imprinting", "item": H19, "label": values.get("item", H19),
        "place": IMPRINTED.get(values.get("item", H19), ""), "state": "normal", "value": 0.513,
        "low": 0.46, "high": 0.57, "unit": "share", "expected_low": 0.35, "expected_high": 0.65,
        "limit": 0.18, "n": 47, "against": "8 other lines of the bank", "role": "flag",
        "reason": "", "source": "PMID:28467909 doi:10.1016/j.celrep.2017.04.020",
    }  # fmt: skip
    return made | values


def untested(passage=30, line="KSB-1", **values):
    """Return a row that could not be answered."""
    nothing = dict.fromkeys(("value", "low", "high", "limit"), NAN)
    made = {"state": "not_testable", "n": 0, "reason": "too few probes: 0 of 3"}
    return row(passage, line, **(nothing | made | values))


def gene(item="POU5F1", passage=30, line="KSB-1", **values):
    """Return a row of READOUTS of RNA-seq: a marker of pluripotency as it should be."""
    made = {
        "assay": "rna", "group": "pluripotency", "item": item, "place": "", "value": 0.21,
        "low": -0.3, "high": 0.7, "unit": "log2", "expected_low": -1.9, "expected_high": 1.9,
        "limit": 1.4, "n": 812, "source": "doi:10.1038/srep08973",
    }  # fmt: skip
    return row(passage, line, **(made | values))


def vector(passage=30, line="KSB-1", present=False, **values):
    """Return a row of READOUTS of a reprogramming vector."""
    made = {
        "assay": "rna", "group": "vector", "item": "WPRE", "place": "", "unit": "reads per million",
        "state": "absent", "value": 0.0, "low": 0.0, "high": 0.12, "expected_low": NAN,
        "expected_high": NAN, "limit": 0.13, "n": 0, "against": "stated range",
        "source": "resources/vector_sequences.tsv",
    }  # fmt: skip
    if present:
        made |= {"state": "present", "value": 34.7, "low": 31.0, "high": 38.6, "n": 873}
    return row(passage, line, **(made | values))


def asked(rows):
    """Return rows as a checked frame."""
    frame = pd.DataFrame(list(rows), columns=READOUTS.names) if rows else READOUTS.empty()
    return tables.check(frame, READOUTS)


def difference(passage=30, line="KSB-1", start=1_000_000, **values):
    """Return a row of DIFFERENCES."""
    return {
        "chrom": "chr1", "start": start, "end": start + 900, "sample": f"{line}-p{passage}",
        "baseline": f"{line}-p10", "difference": 0.42, "n_loci": 9, "p_value": 1e-9,
        "q_value": 1e-5,
    } | values  # fmt: skip


def differences(rows):
    """Return rows as a checked frame."""
    if not rows:
        return DIFFERENCES.empty()
    made = tables.conform(pd.DataFrame(rows), DIFFERENCES)
    return tables.check(tables.in_genome_order(made), DIFFERENCES)


def readouts(rows=(), found=(), **facts):
    """Return the readouts of a line."""
    return Readouts(asked(list(rows)), differences(list(found)), dict(facts))


# A whole line ------------------------------------------------------------------------------------


def line(name="LD001", passages=(12, 25, 38, 52), changed=True, donor="D01"):
    """Return the readouts of a line that drifts, or of one that does not."""
    rows, found = [], []
    for i, passage in enumerate(passages):
        late = changed and i >= len(passages) // 2
        last = changed and i == len(passages) - 1
        rows += _methylation(name, passage, i, late, last, changed)
        rows += _expression(name, passage, i, late, last)
        for k in range(40 * i if changed else 0):
            found.append(
                difference(
                    passage, name, 1_000_000 + 3_000_000 * k + 500_000 * i,
                    chrom=f"chr{1 + k % 5}", baseline=f"{name}-p{passages[0]}",
                    difference=(-1) ** k * (0.2 + 0.012 * k), n_loci=4 + k, p_value=1e-9 * (k + 1),
                    q_value=1e-6 * (k + 1),
                )
            )  # fmt: skip
    return readouts(rows, found)


def _methylation(name, passage, i, late, last, changed):
    rows = []
    for k, item in enumerate(IMPRINTED):
        own = {"item": item, "value": 0.49 + 0.012 * k, "low": 0.43 + 0.012 * k}
        own |= {"high": 0.56 + 0.012 * k, "n": 12 + 5 * k}
        lost = (item == H19 and late) or (item.startswith("PEG3") and last)
        if lost:
            own |= {"state": "gained", "value": 0.71 + 0.08 * (i - 2), "low": 0.66, "high": 0.84}
        made = row(passage, name, **own)
        if item == "MEG3/DLK1:IG-DMR":
            made = untested(passage, name, item=item, reason="too few probes: 0 on this array")
        rows.append(made)
    extra = {"item": "NESP55:extended", "place": OTHERS["NESP55:extended"], "role": "annotate"}
    rows.append(row(passage, name, **extra, source="resources/imprinted_dmrs.tsv"))
    promoter = {"group": "x_chromosome", "item": "XIST_promoter", "label": "XIST promoter"}
    promoter |= {"place": "chrX:73,851,224-73,854,223", "source": "PMC8452533", "n": 7}
    promoter |= {"state": "gained", "value": 0.88, "low": 0.8, "high": 0.95} if late else {}
    islands = {"group": "x_chromosome", "item": "x_islands", "label": "CpG islands of X"}
    islands |= {"place": "", "n": 640, "value": 0.18 if late else 0.44, "low": 0.15, "high": 0.47}
    islands |= {"state": "lost", "role": "annotate"} if late else {"role": "annotate"}
    rows += [row(passage, name, **promoter), row(passage, name, **islands)]
    drift = {"group": "drift", "place": "", "role": "annotate", "n": 712_345, "limit": 0.004}
    drift |= {"expected_low": NAN, "expected_high": 0.02, "against": "stated range", "source": ""}
    for item, label, step in (
        ("from_earliest", "Distance from the earliest passage", 0.013),
        ("variable_cpgs", "Distance at CpGs that vary between lines", 0.031),
    ):
        value = step * i * (1 if changed else 0.1)
        over = {"state": "gained"} if value > 0.02 else {}
        more = {"item": item, "label": label, "value": value, "low": max(value - 0.006, 0)}
        rows.append(row(passage, name, **(drift | more | {"high": value + 0.006} | over)))
    locus = {"group": "drift", "item": "drift_CAT", "label": "CAT", "role": "annotate"}
    locus |= {"place": "chr11:34,437,434-34,439,433", "value": 0.08, "low": 0.05, "high": 0.12}
    locus |= {"expected_low": 0.0, "expected_high": 0.3, "source": "", "n": 12}
    return [*rows, row(passage, name, **locus)]


def _expression(name, passage, i, late, last):
    rows = [gene(item, passage, name) for item in ("POU5F1", "NANOG", "SOX2", "LIN28A")]
    rows += [gene(item, passage, name, role="annotate", source="") for item in ("DNMT3B", "ZFP42")]
    for k, item in enumerate(LINEAGE):
        own = {"group": "lineage", "role": "annotate", "source": "", "value": -0.4 + 0.05 * k}
        own |= {"state": "gained", "value": 3.2, "low": 2.6, "high": 3.9} if last and k < 5 else {}
        rows.append(gene(item, passage, name, **own))
    xist = {"group": "x_chromosome", "place": "chrX:73,820,649-73,852,723", "value": 0.3}
    xist |= {"source": "PMC8452533"}
    xist |= {"state": "lost", "value": -6.1, "low": -7.4, "high": -5.2} if late else {}
    rows.append(gene("XIST", passage, name, **xist))
    rows.append(vector(passage, name, present=i == 0))
    rows.append(
        vector(passage, name, item="EBNA1", state="not_testable", reason="no sequence was given",
               value=NAN, low=NAN, high=NAN, limit=NAN)
    )  # fmt: skip
    spot = {"group": "hotspot_gene", "role": "annotate", "place": "chr20:31,664,452-31,723,989"}
    spot |= {"state": "gained", "value": 0.9, "low": 0.5, "high": 1.3} if last else {}
    rows.append(gene("BCL2L1", passage, name, **(spot | {"expected_low": -0.6} if spot else {})))
    seen = {"group": "variant", "item": "v-175", "label": "TP53 R175H", "role": "annotate"}
    seen |= {"unit": "share", "place": "chr17:7,675,088-7,675,088", "expected_low": NAN}
    seen |= {"expected_high": NAN, "n": 88, "limit": 0.04, "source": "", "value": 0.0, "low": 0.0}
    seen |= {"state": "present", "value": 0.41, "low": 0.31} if last else {"state": "absent"}
    rows.append(gene(passage=passage, line=name, **(seen | {"high": 0.52 if last else 0.04})))
    return rows
