"""The same methylation written in every format that users have."""

import numpy as np
import pandas as pd
from linedrift.methylation_tables import CYTOSINES
from linedrift.tables import conform

HEADER = "chrBase\tchr\tbase\tstrand\tcoverage\tfreqC\tfreqT\n"
TRACK = 'track type="bedGraph" description="reads CpG methylation levels"\n'


def planted(starts, seed=0, chrom="chr1", most=40):
    """Return CpGs with reads of each strand: chrom, start, m, u (forward), m2, u2 (reverse)."""
    rng = np.random.default_rng(seed)
    n = len(starts)
    reads = {name: rng.integers(0, most, n) for name in ("m", "u", "m2", "u2")}
    frame = pd.DataFrame({"chrom": chrom, "start": np.asarray(starts)} | reads)
    # Every strand has a read, as files that list what was read need for both rows.
    return frame.assign(u=frame["u"] + (frame["m"] + frame["u"] == 0)).assign(
        u2=frame["u2"] + (frame["m2"] + frame["u2"] == 0)
    )


def expected(cpgs):
    """Return CYTOSINES of planted CpGs."""
    found = cpgs.assign(
        end=cpgs["start"] + 2, methylated=cpgs.m + cpgs.m2, unmethylated=cpgs.u + cpgs.u2
    )
    return conform(found, CYTOSINES)


def by_strand(cpgs):
    """Yield chromosome, 0-based position, strand, methylated and unmethylated reads."""
    for row in cpgs.itertuples():
        yield row.chrom, row.start, "+", row.m, row.u
        yield row.chrom, row.start + 1, "-", row.m2, row.u2


def percent(m, u):
    return 100 * m / max(m + u, 1)


def bismark_cov(cpgs):
    return "".join(
        f"{c}\t{p + 1}\t{p + 1}\t{percent(m, u):.15g}\t{m}\t{u}\n"
        for c, p, _, m, u in by_strand(cpgs)
    )


def bismark_merged(cpgs):
    """Return what coverage2cytosine --merge_CpG writes: one row a CpG, 1-based on both ends."""
    return "".join(
        f"{r.chrom}\t{r.start + 1}\t{r.start + 2}\t{percent(r.methylated, r.unmethylated):.6f}"
        f"\t{r.methylated}\t{r.unmethylated}\n"
        for r in expected(cpgs).itertuples()
    )


def bismark_bedgraph(cpgs):
    return "track type=bedGraph\n" + "".join(
        f"{c}\t{p}\t{p + 1}\t{percent(m, u):.15g}\t{m}\t{u}\n" for c, p, _, m, u in by_strand(cpgs)
    )


def percents(cpgs):
    """Return Bismark's own bedGraph, which has no counts."""
    return "track type=bedGraph\n" + "".join(
        f"{c}\t{p}\t{p + 1}\t{percent(m, u):.15g}\n" for c, p, _, m, u in by_strand(cpgs)
    )


def cytosine_report(cpgs):
    return "".join(f"{c}\t{p + 1}\t{s}\t{m}\t{u}\tCG\tCGA\n" for c, p, s, m, u in by_strand(cpgs))


def methyldackel(cpgs):
    """Return MethylDackel's rows of single cytosines, whose percents are cut to whole ones."""
    return TRACK + "".join(
        f"{c}\t{p}\t{p + 1}\t{int(percent(m, u))}\t{m}\t{u}\n" for c, p, _, m, u in by_strand(cpgs)
    )


def merged(cpgs):
    """Return MethylDackel's rows of whole CpGs (--mergeContext)."""
    sums = expected(cpgs)
    return TRACK + "".join(
        f"{r.chrom}\t{r.start}\t{r.end}\t{int(percent(r.methylated, r.unmethylated))}"
        f"\t{r.methylated}\t{r.unmethylated}\n"
        for r in sums.itertuples()
    )


def encode(cpgs):
    return "".join(
        f"{c}\t{p}\t{p + 1}\t.\t{m + u}\t{s}\t{p}\t{p + 1}\t0,255,0\t{m + u}\t{percent(m, u):.0f}\n"
        for c, p, s, m, u in by_strand(cpgs)
    )


def modkit(cpgs, hydroxy=0, blanks=False):
    """Return modkit's 18 columns, rows of m and h; `hydroxy` reads of each row are 5hmC.

    They are among the unmethylated reads, where 5mC alone is asked.
    """
    gap = " " if blanks else "\t"
    rows = []
    for c, p, s, m, u in by_strand(cpgs):
        h = min(hydroxy, u)
        for code, mod, other in (("h", h, m), ("m", m, h)):
            bed = (c, p, p + 1, code, m + u, s, p, p + 1, "255,0,0")
            counts = (m + u, f"{percent(mod, m + u - mod):.2f}", mod, u - h, other, 0, 1, 2, 0)
            rows.append("\t".join(map(str, bed)) + "\t" + gap.join(map(str, counts)) + "\n")
    return "".join(rows)


def modbam2bed(cpgs):
    return "".join(
        f"{r.chrom}\t{r.start}\t{r.end}\t5mC\t1000\t.\t{r.start}\t{r.end}\t0,0,0"
        f"\t{r.methylated + r.unmethylated}\t{percent(r.methylated, r.unmethylated):.2f}"
        f"\t{r.unmethylated}\t{r.methylated}\t3\n"
        for r in expected(cpgs).itertuples()
    )


def methylkit(cpgs):
    return HEADER + "".join(
        f"{c}.{p + 1}\t{c}\t{p + 1}\t{'F' if s == '+' else 'R'}\t{m + u}"
        f"\t{percent(m, u):.2f}\t{percent(u, m):.2f}\n"
        for c, p, s, m, u in by_strand(cpgs)
    )


def methylpipe(cpgs):
    return "".join(f"{c}\t{p + 1}\t{s}\tCG\t{m}\t{u}\t20\n" for c, p, s, m, u in by_strand(cpgs))


def padded_methylkit(cpgs):
    """Return methylKit's table as MethylDackel writes it, percents padded to six places."""
    lines = [line.split("\t") for line in methylkit(cpgs).splitlines()]
    padded = [[*one[:5], *(f"{text:>6}" for text in one[5:])] for one in lines[1:]]
    return "".join("\t".join(one) + "\n" for one in [lines[0], *padded])


def gembs(cpgs):
    """Return the bedMethyl of ENCODE4: genotypes and their quality behind the 11 columns."""
    return "".join(
        line if line.startswith("track") else line.rstrip("\n") + "\tCG\tCG\t35\n"
        for line in encode(cpgs).splitlines(keepends=True)
    )


# Each way to write counts, with the format that the sheet names.
WRITERS = {
    "bismark_cov": ("bismark_cov", bismark_cov),
    "bismark_merged": ("bismark_merged", bismark_merged),
    "bismark_bedgraph": ("bismark_bedgraph", bismark_bedgraph),
    "cytosine_report": ("cytosine_report", cytosine_report),
    "methyldackel": ("methyldackel", methyldackel),
    "merged": ("methyldackel", merged),
    "encode": ("bedmethyl", encode),
    "gembs": ("bedmethyl", gembs),
    "modkit": ("bedmethyl", modkit),
    "modbam2bed": ("bedmethyl", modbam2bed),
    "methylkit": ("methylkit", methylkit),
    "padded methylkit": ("methylkit", padded_methylkit),
    "methylpipe": ("methylpipe", methylpipe),
}
