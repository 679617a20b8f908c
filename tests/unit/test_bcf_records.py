"""Positions of a BCF as compiled code reads them, against what bcftools writes of it."""

import numpy as np
import pandas as pd
import pysam.bcftools
import pytest
from linedrift.readers import bcf_records, bcftools
from linedrift.readers.files import ReadingError
from linedrift.sequence import BASES, UNKNOWN, encoded
from small_alignments import Library, random_bases, write_fasta

LENGTH = 1500
# Bases that no read is called at, and small letters, which mpileup hands on as they are.
GENOME = random_bases(LENGTH).replace("ACGT", "acgt", 1)
TEXT = "%POS\\t%REF\\t%ALT\\t%RPBZ\\t%MQBZ\\t%BQBZ[\\t%ADF\\t%ADR]\\n"


@pytest.fixture
def bcf(tmp_path):
    """Return a function that piles reads up: samples with a SNV and a deletion at some depths."""
    fasta = write_fasta(tmp_path / "genome.fa", {"chr1": GENOME})

    def make(depths=(30, 40), *fields):
        variants = [
            (700, GENOME[700], BASES[(BASES.find(GENOME[700].upper()) + 1) % 4]),
            (1000, GENOME[1000:1003], GENOME[1000]),
        ]
        paths = [
            Library(GENOME).cover(depth, variants, 0.4).write(tmp_path / f"{place}.bam")
            for place, depth in enumerate(depths)
        ]
        output = tmp_path / "all.bcf"
        wanted = ("-a", ",".join(fields or ("ADF", "ADR")))
        bcftools.run(
            *("mpileup", "--ignore-RG", "-f", str(fasta), *wanted, "-Ou", "-o", str(output)),
            *map(str, paths),
        )
        return output

    return make


def read(path, tmp_path):
    """Return all positions of a BCF as one, and the positions of its indels."""
    apart = tmp_path / "indels.bcf"
    parts = list(bcf_records.positions(path, bcf_records.head(path), apart))
    whole = bcf_records.Positions(*(np.concatenate(of) for of in zip(*parts, strict=True)))
    return whole, rows(apart)


def rows(path, *filters):
    text = pysam.bcftools.query("-f", TEXT, *filters, str(path)).splitlines()
    return pd.DataFrame([line.split("\t") for line in text], columns=None if text else range(6))


@pytest.mark.parametrize("depths", [(30, 40), (9,), (200, 1, 700)])
def test_positions_are_what_bcftools_writes(bcf, tmp_path, depths):
    """Counts of 128 and more take two bytes; alleles come in the order of their reads."""
    path = bcf(depths)
    found, indels = read(path, tmp_path)
    expected = rows(path, "-e", "INFO/INDEL=1")
    assert len(found.start) == len(expected) > 1000
    np.testing.assert_array_equal(found.start + 1, expected[0].astype(int))
    np.testing.assert_array_equal(found.ref, encoded("".join(expected[1])))
    figures = expected[[3, 4, 5]].replace(".", np.nan).astype(float).to_numpy()
    np.testing.assert_allclose(found.figures, figures, rtol=1e-4)
    assert np.isfinite(found.figures).any()
    for row, line in enumerate(expected.itertuples(index=False)):
        alleles = [line[1].upper(), *line[2].split(",")]
        for sample in range(len(depths)):
            for strand in (0, 1):
                counts = line[6 + 2 * sample + strand].split(",")
                by_base = dict(zip(alleles, map(int, counts), strict=True))
                wanted = [by_base.get(base, 0) for base in BASES]
                assert found.reads[row, sample, strand].tolist() == wanted
    pd.testing.assert_frame_equal(indels, rows(path, "-i", "INFO/INDEL=1"))
    assert indels[0].tolist() == ["1001"]


def test_small_pieces_give_the_same(bcf, tmp_path, monkeypatch):
    path = bcf()
    whole, indels = read(path, tmp_path)
    for name, value in (("_CHUNK", 1000), ("_NUMBERS", 16 * 70), ("_INDELS", 1)):
        monkeypatch.setattr(bcf_records, name, value)
    again, same = read(path, tmp_path)
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one, other)
    pd.testing.assert_frame_equal(indels, same)


def test_an_unknown_base_of_the_reference_keeps_the_reads(tmp_path):
    fasta = write_fasta(tmp_path / "genome.fa", {"chr1": GENOME[:700] + "N" + GENOME[701:]})
    path = Library(GENOME).cover(30).write(tmp_path / "0.bam")
    output = tmp_path / "all.bcf"
    bcftools.run("mpileup", "-f", str(fasta), "-a", "ADF,ADR", "-Ou", "-o", str(output), str(path))
    found, _ = read(output, tmp_path)
    at = int(np.flatnonzero(found.start == 700)[0])
    assert found.ref[at] == UNKNOWN
    assert found.reads[at].sum() > 10
    assert np.flatnonzero(found.reads[at].sum(axis=(0, 1))).tolist() == [
        BASES.index(GENOME[700].upper())
    ]


def test_a_file_without_positions_is_read(bcf, tmp_path):
    path = bcf()
    head = bcf_records.head(path)
    empty = tmp_path / "empty.bcf"
    empty.write_bytes(head.text)
    found, indels = read(empty, tmp_path)
    assert not len(found.start)
    assert indels.empty
    assert head.contigs == ("chr1",)
    assert head.samples == 2


def test_a_cut_file_is_an_error(bcf, tmp_path):
    whole = pysam.BGZFile(str(bcf()), "rb", None).read(10**7)
    cut = tmp_path / "cut.bcf"
    cut.write_bytes(whole[:-7])
    with pytest.raises(ReadingError, match="ends in the middle of a record"):
        read(cut, tmp_path)


def test_another_file_is_an_error(tmp_path):
    path = tmp_path / "other.bcf"
    path.write_bytes(b"##fileformat=VCFv4.2\n")
    with pytest.raises(ReadingError, match="is no BCF"):
        bcf_records.head(path)


def test_reads_by_strand_must_be_there(bcf):
    path = bcf((10,), "AD")
    with pytest.raises(ReadingError, match="no FORMAT/ADF"):
        bcf_records.head(path)
