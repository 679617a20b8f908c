"""Depth, alleles and SNPs of real reads, beside samtools, bcftools and the Genome in a Bottle."""

import numpy as np
import pandas as pd
import pysam
import pysam.bcftools
import pytest
import yaml
from linedrift import alleles
from linedrift.intervals import merge
from linedrift.readers import bam_records, reads, reference

pytestmark = pytest.mark.real
LEAST = {"reference": "", "min_mapping_quality": 20, "min_base_quality": 20}


@pytest.fixture(scope="module")
def giab(real_data):
    return real_data / "wes" / "giab_hg001_chr20"


@pytest.fixture(scope="module")
def region():
    return pd.DataFrame({"chrom": ["chr20"], "start": [10_000_100], "end": [10_099_900]})


@pytest.fixture(scope="module")
def counted(giab, region):
    """Return positions, alleles, indels and reference bases of 100 kb of NA12878."""
    asked = reads.asked(positions=region)
    tally = reads.whole(str(giab / "NA12878_S1.chr20.10_10p1mb.bam"), asked, **LEAST)["chr20"]
    position = bam_records.positions_of(asked["chr20"])
    with reference.opened(giab / "ucsc.hg19.chr20.unittest.fasta.gz") as fasta:
        ref = alleles.base_codes(reference.letters(fasta, "chr20", position))
    return position, tally.alleles, tally.indels, ref


def truth(giab):
    """Return SNPs of the Genome in a Bottle (hg19): start, ref, alt, heterozygous."""
    rows = []
    with pysam.VariantFile(str(giab / "test_nist.b37_chr20_100kbp_at_10mb.vcf.gz")) as file:
        for record in file:
            if len(record.ref) == len(record.alts[0]) == len(record.alts) == 1:
                genotype = record.samples[0]["GT"]
                rows.append((record.start, record.ref, record.alts[0], len(set(genotype)) == 2))
    return pd.DataFrame(rows, columns=["start", "ref", "alt", "two"])


def test_the_snps_of_a_person_are_found_in_the_reads(giab, counted, repository):
    settings = yaml.safe_load((repository / "config" / "config.yaml").read_text())["wes"]
    position, counts, indels, ref = counted
    found = alleles.snps(counts, indels, ref, position, settings)
    found = found.assign(ref=alleles.BASES[found["ref"]], alt=alleles.BASES[found["alt"]])
    known = truth(giab)
    known = known[known["start"].between(position[0], position[-1])]
    both = found.merge(known, on=["start", "ref", "alt"])
    assert len(both) >= 0.95 * len(known)
    assert len(both) >= 0.93 * len(found)
    bed = pd.read_csv(
        giab / "test_nist.b37_chr20_100kbp_at_10mb.bed", sep="\t", names=["chrom", "start", "end"]
    )
    sure = pd.concat(
        [found[found["start"].between(row.start, row.end - 1)] for row in bed.itertuples()]
    )
    assert len(sure) >= 40
    assert sure["start"].isin(known["start"]).all()
    row = both["index"].to_numpy()
    reads_of = counts.sum(axis=2)[row]
    ref_reads, alt_reads = (
        reads_of[np.arange(len(row)), alleles.base_codes(both[name].to_numpy(object))]
        for name in ("ref", "alt")
    )
    called = alleles.fractions(ref_reads, alt_reads, np.ones(len(row), bool), 1.0, settings)
    right = (called["genotype"] == np.where(both["two"], "AB", "BB")).to_numpy()
    assert right.mean() > 0.96


def test_alleles_are_those_of_bcftools(giab, counted, tmp_path):
    position, counts, _, ref = counted
    fasta = str(giab / "ucsc.hg19.chr20.unittest.fasta.gz")
    out = str(tmp_path / "p.bcf")
    pysam.bcftools.mpileup(
        *("-f", fasta, "-r", "chr20:10000101-10020000", "-B", "-q", "20", "-Q", "20", "-A"),
        *("-d", "10000", "-a", "AD", "-I", "-Ou", "-o", out),
        str(giab / "NA12878_S1.chr20.10_10p1mb.bam"),
        catch_stdout=False,
    )
    text = pysam.bcftools.query("-f", "%POS\t%REF[\t%AD]\n", out)
    theirs = [line.split("\t") for line in text.splitlines()]
    ours = counts.sum(axis=2)
    mine, other = [], []
    for place, base, depths in theirs:
        row = int(place) - 1 - position[0]
        mine.append((ours[row].sum(), ours[row, "ACGT".index(base.upper())]))
        other.append((sum(map(int, depths.split(","))), int(depths.split(",")[0])))
    mine, other = np.array(mine), np.array(other)
    assert len(mine) > 19_000
    # bcftools drops a base where mates disagree and adds their qualities where they agree.
    assert np.abs(mine.sum(axis=0) / other.sum(axis=0) - 1).max() < 0.01
    assert (np.abs(mine - other).max(axis=1) <= 2).mean() > 0.98


def test_depth_is_that_of_samtools_on_real_exomes(real_data, tmp_path):
    folder = real_data / "wes" / "exomecnv_chr21_x"
    (bed,) = folder.glob("*chr21X*.bed")
    kit = pd.read_csv(bed, sep="\t", names=["chrom", "start", "end"], usecols=[0, 1, 2])
    kit["chrom"] = "chr" + kit["chrom"].astype(str).str.removeprefix("chr")
    kit = merge(kit[kit["start"].between(5_880_000, 6_300_000)])
    for sample in ("Sample1", "Sample10"):
        path = str(folder / f"{sample}.bam")
        tallies = reads.whole(path, reads.asked(targets=kit), **LEAST)
        asked = reads.asked(targets=kit)
        ours = np.concatenate([bam_records.depth_of(tallies[one], asked[one]) for one in asked])
        kit.to_csv(tmp_path / "k.bed", sep="\t", header=False, index=False)
        text = pysam.samtools.depth("-a", "-s", "-Q", "20", "-b", str(tmp_path / "k.bed"), path)
        theirs = np.array([int(line.rsplit("\t", 1)[1]) for line in text.splitlines()])
        assert len(ours) == len(theirs) > 10_000
        assert ours.sum() > 10_000
        assert ours.sum() == pytest.approx(theirs.sum(), rel=0.01)
