"""Waves are taken out of levels, events are left in."""

import numpy as np
import pandas as pd
import pysam
import pytest
from linedrift import genome, tables
from linedrift.readers.files import ReadingError
from linedrift.readers.reference import gc_content
from linedrift.signals.waves import covariates, wave


@pytest.fixture(scope="module")
def bands(repository):
    return tables.read_bands(repository / "resources" / "cytoBand.hg38.txt")


@pytest.fixture(scope="module")
def loci():
    chroms = ["chr3", "chr11", "chr20"]
    starts = [
        np.arange(1_000_000, genome.GRCH38.lengths[chrom] - 1_000_000, 5_000) for chrom in chroms
    ]
    frame = pd.DataFrame(
        {"chrom": np.repeat(chroms, [len(s) for s in starts]), "start": np.concatenate(starts)}
    )
    return frame.astype({"chrom": genome.CHROM_DTYPE})


def test_a_wave_that_follows_the_bands_is_found_and_an_event_is_not(bands, loci):
    rng = np.random.default_rng(1)
    follows = covariates(loci, bands)
    planted = 0.06 * follows[:, 0]
    event = np.where(np.arange(len(loci)) < len(loci) // 5, -0.3, 0.0)
    level = planted + event + rng.normal(0, 0.15, len(loci))
    found = wave(level, np.ones(len(loci), bool), follows)
    assert np.std(found - planted) < 0.2 * np.std(planted)


def test_noise_alone_has_hardly_a_wave(bands, loci):
    level = np.random.default_rng(2).normal(0, 0.15, len(loci))
    found = wave(level, np.ones(len(loci), bool), covariates(loci, bands))
    assert np.abs(found).max() < 0.01


def test_too_few_loci_are_left_as_they_are(bands, loci):
    few = loci.iloc[:500]
    found = wave(np.ones(500), np.ones(500, bool), covariates(few, bands))
    assert (found == 0).all()


def bins_of(loci, share):
    """Return bins of GC content that hold this share of the loci, from the first on."""
    last = loci.iloc[: round(share * len(loci))]
    ends = last.groupby("chrom", observed=True)["start"].max() + 1
    parts = [
        pd.DataFrame({"chrom": chrom, "start": np.arange(0, end, 50_000)})
        for chrom, end in ends.items()
    ]
    bins = pd.concat(parts, ignore_index=True).astype({"chrom": genome.CHROM_DTYPE})
    gc = np.random.default_rng(3).uniform(0.35, 0.55, len(bins))
    return bins.assign(end=lambda f: f["start"] + 50_000, gc=gc)


def test_covariates_are_centred_and_zero_where_nothing_is_known(bands, loci):
    found = covariates(loci, bands, bins_of(loci, 0.95))
    assert found.shape == (len(loci), 3)
    assert (found[-100:, 1:] == 0).all()
    assert (np.abs(found.mean(axis=0)) < 0.05).all()


def test_a_reference_of_a_few_chromosomes_is_not_followed(bands, loci):
    assert covariates(loci, bands, bins_of(loci, 0.6)).shape == (len(loci), 1)


def write_fasta(path, **sequences):
    path.write_text("".join(f">{name}\n{text}\n" for name, text in sequences.items()))
    pysam.faidx(str(path))
    return path


def test_gc_content_counts_g_and_c_of_either_case_and_leaves_out_n(tmp_path):
    path = write_fasta(tmp_path / "x.fa", chr20="GGCCAATTgcNNNNNNNNNNac", chrUn_1="GGGG")
    bins = gc_content(path, bin_bp=10)
    assert bins["chrom"].tolist() == ["chr20"] * 3
    assert bins["gc"].iloc[0] == pytest.approx(0.6)
    assert np.isnan(bins["gc"].iloc[1])
    assert bins["end"].tolist() == [10, 20, 22]


def test_a_reference_without_chromosomes_or_of_another_build_is_refused(tmp_path):
    with pytest.raises(ReadingError, match="no chromosome"):
        gc_content(write_fasta(tmp_path / "a.fa", scaffold="ACGT"))
    with pytest.raises(ReadingError, match="cannot be read as FASTA"):
        gc_content(tmp_path / "absent.fa")
