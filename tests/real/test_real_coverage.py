"""Depth and alleles of real exomes: what is known of them is found, and nothing else."""

import gzip
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from linedrift import alleles, tables
from linedrift.events.calls import Measurement
from linedrift.events.segmentation import segment
from linedrift.genome import AUTOSOMES, CHROM_DTYPE, Karyotype
from linedrift.intervals import merge
from linedrift.quality.foreign_reads import foreign_share
from linedrift.readers import reads, reference
from linedrift.sequencing_tables import SITES
from linedrift.signals import coverage, exomes
from linedrift.signals.contrast import contrast
from linedrift.signals.exon_losses import exon_losses
from linedrift.signals.panel import with_panel
from truth import CONFIG, calls_of, found

pytestmark = pytest.mark.real
SETTINGS = CONFIG["wes"]
READS = CONFIG["contrast"] | CONFIG["contrast"]["wes"]
UNKNOWN = Karyotype("unknown")


def no_composition(intervals):
    """Return a constant GC content, for references that are not here."""
    return pd.DataFrame({"gc": 0.45, "known": 1.0}, index=range(len(intervals)))


def signals_of(bam, bins, targets, settings=SETTINGS):
    """Return SIGNALS of a BAM, bins alone, as rule read_wes makes them."""
    asked = reads.asked(bins, targets)
    tallies = reads.whole(
        str(bam), asked, reference="", min_mapping_quality=20, min_base_quality=20
    )
    bases = reads.in_order(tallies, bins, "bins")
    frame, _ = exomes.signals(
        bins,
        bases / (bins["end"] - bins["start"]).to_numpy(),
        SITES.empty(),
        np.zeros((0, 4), np.int64),
        exomes.read_length(reads.totals(tallies)),
        settings,
    )
    return frame


def bed(*paths):
    names = ["chrom", "start", "end"]
    return merge(
        pd.concat(
            [pd.read_csv(p, sep="\t", header=None, usecols=[0, 1, 2], names=names) for p in paths]
        )
    )


# exomecnv_chr21_x: homozygous losses of one or two exons, engineered into real exomes.


@pytest.fixture(scope="module")
def exomecnv(real_data):
    """Return the folder and, by sample, its signals."""
    folder = real_data / "wes" / "exomecnv_chr21_x"
    targets = bed(*sorted(folder.glob("*_merged*_chr.bed")))
    lengths = {"chr21": 10_000_000, "chrX": 10_000_000}
    bins = coverage.bins(targets, no_composition, SETTINGS, lengths=lengths)
    names = [f"Sample{i}" for i in (1, 2, 3, 4, 5, 10)]
    return folder, {name: signals_of(folder / f"{name}.bam", bins, targets) for name in names}


def engineered(folder, name):
    """Return chrom, start, end of the losses that the VCF of a sample lists."""
    rows = []
    with gzip.open(folder / f"{name}.vcf.gz", "rt") as lines:
        for line in lines:
            if not line.startswith("#"):
                chrom, position, *_, info = line.split("\t")[:8]
                rows.append((chrom, int(position) - 1, int(re.search(r"END=(\d+)", info)[1])))
    return rows


def losses(frames, name, against, panel):
    others = [frames[other] for other in panel]
    own, baselines = with_panel(frames[name], [frames[against]], others, SETTINGS)
    return exon_losses(own, baselines, UNKNOWN, SETTINGS)


@pytest.mark.parametrize("with_others", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_every_engineered_loss_is_found(number, with_others, exomecnv):
    folder, frames = exomecnv
    name = f"Sample{number}"
    others = [other for other in frames if other not in (name, "Sample10")]
    seen = losses(frames, name, "Sample10", others if with_others else [])
    known = engineered(folder, name)
    assert known
    for chrom, start, end in known:
        hit = seen[(seen["chrom"] == chrom) & (seen["start"] < end) & (seen["end"] > start)]
        assert len(hit) == 1
        assert hit["kind"].iloc[0] == "deep_loss"
        assert hit["cell_fraction"].iloc[0] > 0.95
        # Its ends are those of the exons, to the base.
        assert (hit["start"].iloc[0], hit["end"].iloc[0]) == (start, end)
    # All of the samples have one of chrX as well (no read either), but for the first.
    assert (seen["chrom"] == "chr21").sum() == len(known)


@pytest.mark.parametrize("against", [1, 2, 3, 4, 5])
def test_no_loss_is_found_in_the_sample_without_one(against, exomecnv):
    folder, frames = exomecnv
    assert engineered(folder, "Sample10") == []
    others = [f"Sample{i}" for i in range(1, 6) if i != against]
    for panel in ([], others):
        assert losses(frames, "Sample10", f"Sample{against}", panel).empty


# hydra_chr1_negative: two libraries of one DNA.


def test_two_libraries_of_one_dna_have_no_event(real_data):
    folder = real_data / "wes" / "hydra_chr1_negative"
    targets = bed(*sorted((folder / "reference").glob("*.chr1*annotated.bed")))
    # The contig is cut within the last target, and the reads of one file end a read before it.
    targets = targets[targets["end"] < 2_461_400]
    bams = sorted((folder / "alignment").rglob("*.bam"))
    assert len(bams) == 2
    fasta = folder / "reference" / "HES45.fna.gz"
    # Few targets: small bins, so that a contrast has loci enough to be asked.
    settings = SETTINGS | {"target_bp": 40, "antitarget_bp": 20_000}
    bins = coverage.bins(
        targets,
        lambda part: reference.composition(part, fasta),
        settings,
        lengths={"chr1": 2_461_623},
    )
    assert bins["gc"].between(0.1, 0.95).all()
    normal, tumour = (signals_of(bam, bins, targets, settings) for bam in bams)
    for own, other in ((tumour, normal), (normal, tumour)):
        line, baselines = with_panel(own, [other], [], settings)
        frame, noise = contrast(line, baselines, UNKNOWN, READS | {"least_loci": 100})
        assert not noise.reason
        assert np.isfinite(frame["log_ratio"]).sum() >= 100
        assert exon_losses(line, baselines, UNKNOWN, settings).empty
        assert called(frame, noise) == []


def called(frame, noise, baseline=None):
    """Return the events of one contrast, with those of its baseline where given."""
    own = Measurement(
        "L-p5",
        5,
        "wes",
        frame,
        noise,
        segment(frame, noise, UNKNOWN, CONFIG["segmentation"]),
        baseline="D-p0" if baseline else "",
    )
    members = [own]
    if baseline:
        frame, noise = baseline
        segments = segment(frame, noise, UNKNOWN, CONFIG["segmentation"])
        donor = replace(own, sample="D-p0", passage=0, contrast=frame, noise=noise)
        members.append(replace(donor, segments=segments, baseline="", role="donor"))
    return found(calls_of(members, "unknown"))


# melanoma: tumours with normals on two kits, and array CGH of the same tumours (hg19).

# Correlation over autosomal bins with the array's segments, of CNVkit 0.9.14 on the same bins,
# plain and by its weights: all normals pooled, the tumour's own among them, without a reference
# sequence. Ours on those bins, plain: .394 .665 .748 .722 .662, .349 .610 .603 .270 .331.
CNVKIT = {
    "EX_11_T": (0.376, 0.390),
    "EX_35_T": (0.645, 0.651),
    "EX_40_T": (0.707, 0.736),
    "EX_46_T": (0.692, 0.711),
    "EX_71_T": (0.653, 0.662),
    "TR_01_T": (0.358, 0.383),
    "TR_02_T": (0.511, 0.528),
    "TR_11_T": (0.577, 0.609),
    "TR_26_T": (0.158, 0.180),
    "TR_28_T": (0.260, 0.285),
}


def coverages(folder, name):
    """Return SIGNALS of the coverage tables of a sample (log2 of the depth; hg19 positions)."""
    parts = []
    for path in sorted(folder.glob(f"{name}.*coverage.cnn.gz")):
        rows = pd.read_csv(path, sep="\t")
        rows = rows[rows["chromosome"].isin(CHROM_DTYPE.categories)]
        kind = re.search(r"\.(\w+)coverage", path.name)[1]
        parts.append(rows.assign(kind=kind).rename(columns={"chromosome": "chrom"}))
    bins = tables.in_genome_order(pd.concat(parts).astype({"chrom": CHROM_DTYPE}))
    depth = np.where(bins["log2"] < -19, 0.0, 2.0 ** bins["log2"])
    bins = bins.assign(gc=0.45, near_edge=0.0, mappable=np.nan)
    frame, _ = exomes.signals(
        bins, depth, SITES.empty(), np.zeros((0, 4), np.int64), 76.0, SETTINGS
    )
    return frame


def segments_of(path, name):
    rows = pd.read_csv(path, sep="\t")
    rows = rows[rows["ID"] == name].astype({"chrom": str})
    return rows.assign(chrom="chr" + rows["chrom"].str.removeprefix("chr"))


def correlations(frame, segments):
    """Return the correlation of log ratios with the array's segment of each autosomal bin.

    Plain, and weighted by 1/sd^2.
    """
    middle = ((frame["start"] + frame["end"]) // 2).to_numpy()
    names, known = frame["chrom"].astype(str).to_numpy(), np.full(len(frame), np.nan)
    for chrom, start, end, mean in segments[
        ["chrom", "loc.start", "loc.end", "seg.mean"]
    ].to_numpy():
        known[(names == chrom) & (middle >= start) & (middle < end)] = mean
    ratio = frame["log_ratio"].to_numpy(float)
    use = np.isfinite(known) & np.isfinite(ratio) & np.isin(names, AUTOSOMES)
    assert use.sum() > 20_000
    both = np.stack([ratio[use], known[use]])
    weight = frame["log_ratio_sd"].to_numpy(float)[use] ** -2.0
    return tuple(
        float(c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]))
        for c in (np.cov(both), np.cov(both, aweights=weight))
    )


@pytest.fixture(scope="module", params=["melanoma_exome_offtarget", "melanoma_panel"])
def melanoma(request, real_data):
    """Return the kit's folder, its array file, the tumours, and the normals by name."""
    folder = real_data / "wes" / request.param
    array = next(path for path in sorted(folder.glob("aCGH*.seg")) if path.stat().st_size > 1000)
    names = sorted({path.name.split(".")[0] for path in folder.glob("*.cnn.gz")})
    normals = {name: coverages(folder, name) for name in names if name.endswith("_N")}
    return folder, array, [name for name in names if name in CNVKIT], normals


def against(melanoma, tumour, with_others=True):
    """Return the correlations of a tumour with its array, against donor and panel."""
    folder, array, _, normals = melanoma
    donor = tumour.replace("_T", "_N")
    panel = [frame for name, frame in normals.items() if name != donor] if with_others else []
    own = with_panel(coverages(folder, tumour), [normals[donor]], panel, SETTINGS)
    frame, noise = contrast(*own, UNKNOWN, READS)
    assert not noise.reason
    return correlations(frame, segments_of(array, tumour))


def test_log_ratios_follow_the_array_as_well_as_cnvkits(melanoma):
    tumours = melanoma[2]
    assert len(tumours) == 5
    for tumour in tumours:
        plain, weighted = against(melanoma, tumour)
        print(f"{tumour}: {plain:.3f}, weighted {weighted:.3f}; CNVkit {CNVKIT[tumour]}")
        assert weighted >= CNVKIT[tumour][1]
        # All our bins, not only those that CNVkit keeps (one in 200 more, the worst).
        assert plain >= CNVKIT[tumour][0] - 0.02


def test_a_panel_helps_beyond_the_own_normal(melanoma):
    for tumour in melanoma[2][:2]:
        alone, both = against(melanoma, tumour, with_others=False), against(melanoma, tumour)
        assert both[0] > alone[0] + 0.01


# facets_stomach: reads at 300,000 SNPs of a stomach tumour and its normal (GRCh37).


@pytest.fixture(scope="module")
def stomach(real_data):
    path = real_data / "wes" / "facets_stomach" / "inst" / "extdata" / "stomach.csv.gz"
    rows = pd.read_csv(path, dtype={"Chromosome": str})
    rows = rows.assign(chrom="chr" + rows["Chromosome"].str.strip("'"))
    rows = rows[rows["chrom"].isin(CHROM_DTYPE.categories)].astype({"chrom": CHROM_DTYPE})
    rows = rows.sort_values(["chrom", "Position"]).drop_duplicates(["chrom", "Position"])
    ref, alt = rows["File1R"].to_numpy(), rows["File1A"].to_numpy()
    share = alt / np.maximum(ref + alt, 1)
    het = (ref + alt >= 25) & (share > 0.25) & (share < 0.75)
    bias = alleles.reference_bias(ref[het], alt[het], SETTINGS["min_depth"])
    return rows, bias


def stomach_signals(rows, which, bias):
    read = (rows[f"File{which}{allele}"].to_numpy() for allele in "RA")
    seen = alleles.fractions(*read, np.ones(len(rows), bool), bias, SETTINGS)
    frame = pd.DataFrame(
        {
            "chrom": rows["chrom"].to_numpy(),
            "start": rows["Position"].to_numpy() - 1,
            "end": rows["Position"].to_numpy(),
            "name": "snp",
            "level": np.nan,
            "level_sd": np.nan,
            **{name: seen[name].to_numpy() for name in seen},
        }
    ).astype({"chrom": CHROM_DTYPE, "genotype": tables.GENOTYPES})
    return tables.check(frame, tables.SIGNALS)


# Median |share - 1/2| in the tumour where the normal is heterozygous, by 20 Mb: .46 on chr3 and
# 6p, .16 on 1q, 8p to 8q21 and distal 8q, .43 on X; .03 to .08 elsewhere (measured).
IMBALANCED = {
    "1q": ("chr1", 145_000_000, 248_000_000),
    "chr3": ("chr3", 500_000, 196_000_000),
    "6p": ("chr6", 500_000, 51_000_000),
    "8p to 8q21": ("chr8", 500_000, 82_000_000),
    "distal 8q": ("chr8", 119_000_000, 145_000_000),
    "X": ("chrX", 3_000_000, 153_000_000),
}
BALANCED = ("chr2", "chr4", "chr5", "chr9", "chr10", "chr12", "chr15", "chr16", "chr18", "chr20")


def test_every_large_imbalance_of_a_real_tumour_is_found_and_none_elsewhere(stomach):
    rows, bias = stomach
    tumour, normal = (stomach_signals(rows, which, bias) for which in (2, 1))
    own = contrast(tumour, [normal], UNKNOWN, READS)
    events = called(*own, baseline=contrast(normal, [], UNKNOWN, READS))
    for name, (chrom, start, end) in IMBALANCED.items():
        covered = sum(
            max(0, min(end, event.end) - max(start, event.start))
            for event in events
            if event.chrom == chrom and event.origin == "acquired"
        )
        assert covered > 0.9 * (end - start), name
    assert [e for e in events if e.chrom in BALANCED and e.end - e.start > 2_000_000] == []


def test_a_real_exome_of_one_person_has_no_foreign_dna(stomach):
    rows, _ = stomach
    some = rows[rows["chrom"].isin(AUTOSOMES)]
    # The tumour lost whole chromosomes: that is an event of them, not foreign DNA.
    for which in (1, 2):
        read = some[[f"File{which}R", f"File{which}A"]].to_numpy(float)[::10]
        deep = read.sum(axis=1) >= SETTINGS["min_depth"]
        share = foreign_share(
            read[deep].min(axis=1), read[deep].sum(axis=1), SETTINGS["overdispersion"], 100
        )
        assert share.fraction <= 0.005
