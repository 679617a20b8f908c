"""The quick look at a file's head names what the sheet has wrong, and only that."""

import re

import numpy as np
import pandas as pd
import pytest
import snp_array_files as files
from linedrift.genome import BUILDS, GRCH38
from linedrift.readers import array, builds, heads
from small_alignments import Library, random_bases, write_fasta

N = 60


@pytest.fixture
def loci():
    return files.planted(N).assign(name=lambda x: x["name"].str.replace("mk", "rs1"))


@pytest.fixture
def known(loci):
    """Markers known by name: the planted loci on GRCh38, elsewhere on the older builds."""
    return pd.DataFrame(
        {
            "name": loci["name"],
            "chrom": "chr" + loci["chrom"],
            "pos_hg18": loci["pos"] - 40_000,
            "pos_GRCh37": loci["pos"] + 30_000,
            "pos_GRCh38": loci["pos"],
            "source": "planted",
        }
    )


def look(path, format, known, *, chains=None, **cells):
    row = {"path": str(path), "path2": "", "name_in_file": "", "build": "GRCh38", "format": format}
    return heads.problems(row | cells, chains or {}, known)


def only(found):
    """Return the one problem that was found."""
    assert len(found) == 1, found
    return found[0]


def test_good_files_have_no_problems(tmp_path, loci, known):
    bpm, csv = files.bpm(tmp_path / "m.bpm", loci), files.csv_manifest(tmp_path / "m.csv", loci)
    report = files.final_report(tmp_path / "f.txt.gz", {"S1": loci, "S2": loci})
    assert look(report, "final_report", known, name_in_file="S2") == []
    assert look(report, "final_report", known, name_in_file="name of S2", path2=csv) == []
    assert look(files.wide(tmp_path / "w.txt", {"S1": loci}), "full_data_table", known) == []
    assert look(files.wide(tmp_path / "r.txt", {"S": loci}, r_style=True), "penncnv", known) == []
    assert look(files.vcf(tmp_path / "a.vcf", {"S1": loci}), "vcf", known) == []
    assert look(files.table(tmp_path / "t.tsv", loci), "table", known, build="") == []
    for path2 in (bpm, csv):
        assert look(files.gtc(tmp_path / "a.gtc", loci), "gtc", known, path2=path2) == []


def test_the_build_that_fits_is_named(tmp_path, loci, known):
    for build in ("hg18", "GRCh37"):
        old = loci.assign(pos=known[f"pos_{build}"])
        path = files.table(tmp_path / "t.tsv", old)
        assert f"60 have that in {build}: the positions are those of {build}" in only(
            look(path, "table", known)
        )
        report = files.final_report(tmp_path / "f.txt", {"S1": loci})
        path2 = files.markers(tmp_path / "m.csv", old)
        assert f"Write {build} into the column" in only(
            look(report, "final_report", known, path2=path2)
        )
        gtc = files.gtc(tmp_path / "a.gtc", loci)
        for write in (files.bpm, files.csv_manifest):
            manifest = write(tmp_path / "m", old)
            assert f"positions are those of {build}" in only(
                look(gtc, "gtc", known, path2=manifest)
            )
    moved = files.table(tmp_path / "t.tsv", loci.assign(pos=loci["pos"] + 99))
    assert "no other build fits" in only(look(moved, "table", known))
    zero = files.table(tmp_path / "t.tsv", loci.assign(pos=loci["pos"] - 1))
    assert "positions are 0-based" in only(look(zero, "table", known))


def test_without_known_markers_the_lengths_decide(tmp_path, loci, known):
    # 63.5 Mb is beyond the end of chr19 in GRCh38 and GRCh37, but not in hg18.
    far = loci.assign(name="snp" + loci["name"].str[2:], chrom="19", pos=loci["pos"] + 3_600_000)
    far.loc[0, "pos"] = 63_500_000
    path = files.table(tmp_path / "t.tsv", far)
    assert "expected positions of GRCh38, possible is hg18" in only(look(path, "table", known))


@pytest.mark.parametrize("name", ["rs{}", "GSA-rs{}", "rs{}_ilmndup1", "exm-rs{}_F"])
def test_rs_numbers_are_found_in_names(name):
    known = pd.DataFrame({"name": [f"rs{i}" for i in range(9)], "chrom": "chr1"}).assign(
        **{f"pos_{build}": np.arange(9) * 1000 + shift for shift, build in enumerate(BUILDS, 7000)}
    )
    names = pd.Series([name.format(i) for i in range(9)])
    pos = known["pos_GRCh37"].astype(float)
    found = builds.fits(names, pd.Series(["1"] * 9), pos, known)
    assert found["GRCh37"].n_shared == 9 and found["GRCh37"].n_fit == 9


def test_a_vcf_of_another_build_is_told_by_its_contigs(tmp_path, loci, known):
    path = files.vcf(tmp_path / "a.vcf", {"S1": loci})
    assert "lengths of GRCh38" in only(
        look(path, "vcf", known, build="hg19", chains={"GRCh37": "no.chain"})[:1]
    )


def test_an_old_build_needs_a_chain_that_leads_from_it(tmp_path, loci, known):
    path = files.table(tmp_path / "t.tsv", loci.assign(pos=known["pos_hg18"]))
    assert "the key chains: hg18" in only(look(path, "table", known, build="hg18"))
    assert "no such file" in only(
        look(path, "table", known, build="hg18", chains={"hg18": "no.chain"})
    )
    head = f"1 chr20 {BUILDS['GRCh37'].lengths['chr20']} + 0 9 chr20 64444167 + 0 9 1"
    chain = files.chain(tmp_path / "c.chain", [(head, ["9"])])
    found = look(path, "table", known, build="hg18", chains={"hg18": chain})
    assert "leads from GRCh37" in only(found)
    assert "unknown genome build 'hg17'" in only(look(path, "table", known, build="hg17"))


def test_missing_empty_and_directories_are_named_for_both_paths(tmp_path, loci, known):
    (tmp_path / "empty.bpm").touch()
    found = look(tmp_path, "gtc", known, path2=str(tmp_path / "empty.bpm"))
    assert len(found) == 2
    assert "is a directory" in found[0] and "is empty (0 bytes)" in found[1]
    assert "there is no such file" in only(look(tmp_path / "nothing", "gtc", known))


WRONG = {
    "final_report": lambda p, x: files.final_report(p / "x", {"S1": x}),
    "full_data_table": lambda p, x: files.wide(p / "x", {"S1": x, "S2": x}),
    "penncnv": lambda p, x: files.wide(p / "x", {"S1": x}),
    "table": lambda p, x: files.table(p / "x", x),
    "vcf": lambda p, x: files.vcf(p / "x", {"S1": x}),
    "gtc": lambda p, x: files.gtc(p / "x", x),
}


@pytest.mark.parametrize("real", WRONG)
@pytest.mark.parametrize("said", array.FORMATS)
def test_a_wrong_format_is_named_with_the_right_one(real, said, tmp_path, loci, known):
    path = WRONG[real](tmp_path, loci)
    found = look(path, said, known, name_in_file="S1" if real == "full_data_table" else "")
    wide = {"full_data_table", "penncnv"}
    if real == said or {real, said} <= wide:
        assert all("into the column format" not in text for text in found)
    else:
        assert f"Write {real} into the column format" in only(found)


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"IDAT\x03\x00", "IDAT file"),
        (b"PK\x03\x04", "Excel"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"#%affymetrix-algorithm-name=CN5\nProbeSetName\tChromosome\n", "CNCHP.*affy2vcf"),
        (b"#%File=a.cyhd.CN5.CNCHP.txt\nProbeSetName\tChromosome\n", "CNCHP.*affy2vcf"),
        (b"[Heading]\nLoci Count,5\n[Assay]\nIlmnID,Name\n", "CSV manifest"),
        (b"Name,Chr,Position\nrs1,1,5\n", "marker table"),
        (b"\x00\x01\x02\x03", "binary file"),
    ],
)
@pytest.mark.parametrize("format", array.FORMATS)
def test_other_files_are_named(start, words, format, tmp_path, known):
    path = tmp_path / "x"
    path.write_bytes(start)
    found = look(path, format, known)
    assert len(found) == 1 and re.search(words, found[0]), found


def test_cut_files_are_named(tmp_path, loci, known):
    paths = {
        "final_report": files.final_report(tmp_path / "f.txt", {"S1": loci}),
        "penncnv": files.wide(tmp_path / "w.txt", {"S1": loci}),
        "vcf": files.vcf(tmp_path / "a.vcf", {"S1": loci}),
        "table": files.table(tmp_path / "t.tsv.gz", loci),
    }
    for format, path in paths.items():
        for n_bytes in (3, 9, 20):
            with open(path, "r+b") as file:
                file.truncate(file.seek(0, 2) - n_bytes)
            assert ("truncated" if path.endswith("gz") else "is cut in the middle") in only(
                look(path, format, known)
            )
    gtc = files.gtc(tmp_path / "a.gtc", loci)
    with open(gtc, "r+b") as file:
        file.truncate(file.seek(0, 2) - 10)
    assert "is cut in the array" in only(
        look(gtc, "gtc", known, path2=files.bpm(tmp_path / "m.bpm", loci))
    )


def test_a_manifest_that_does_not_fit_is_named(tmp_path, loci, known):
    gtc = files.gtc(tmp_path / "a.gtc", loci)
    assert "expected its BPM or CSV manifest" in only(look(gtc, "gtc", known))
    fewer = files.bpm(tmp_path / "fewer.bpm", loci[1:])
    assert "has 59 loci, the GTC 60" in only(look(gtc, "gtc", known, path2=fewer))
    other = files.csv_manifest(tmp_path / "o.csv", loci, name="Other.bpm")
    assert "'Other.bpm'" in only(look(gtc, "gtc", known, path2=other))
    wide = files.wide(tmp_path / "w.txt", {"S1": loci})
    strange = files.markers(tmp_path / "m.csv", loci.assign(name="x" + loci["name"].str[2:]))
    assert "0 of 60 marker names" in only(look(wide, "penncnv", known, path2=strange))


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_sample_is_looked_for_in_the_whole_file(
    small, packed, tmp_path, loci, known, monkeypatch
):
    """Samples behind the head are found; in a large packed file the reading itself looks."""
    monkeypatch.setattr(heads, "_ROWS", 30)
    monkeypatch.setattr(heads, "_BLOCK", 1500)
    if not small:
        monkeypatch.setattr(heads, "_SMALL_PLAIN", 0)
        monkeypatch.setattr(heads, "_SMALL_PACKED", 0)
    samples = {name: loci for name in ("line A p3", "줄기 20", "=1", "<b>")}
    path = files.final_report(tmp_path / f"f.txt{packed}", samples)
    for name in samples:
        assert look(path, "final_report", known, name_in_file=name) == []
        assert look(path, "final_report", known, name_in_file=f"name of {name}") == []
    wrong = look(path, "final_report", known, name_in_file="line A p30")
    unnamed = look(path, "final_report", known)
    if small or not packed:
        assert "has no sample 'line A p30'; the nearest name is 'line A p3'" in only(wrong)
        assert "holds 4 samples and the sheet does not say which" in only(unnamed)
        assert all(repr(name) in unnamed[0] for name in samples)
    else:
        assert wrong == unnamed == []


def test_a_decimal_comma_and_unknown_contigs_are_named(tmp_path, loci, known):
    comma = loci.assign(baf=loci["baf"].astype(str).str.replace(".", ","))
    assert "a comma as decimal separator" in only(
        look(files.table(tmp_path / "t.tsv", comma), "table", known)
    )
    strange = files.table(tmp_path / "t.tsv", loci.assign(chrom="scaffold_7"))
    assert "60 of 60 markers are on contigs" in only(look(strange, "table", known))
    some = loci.assign(chrom=loci["chrom"].where(np.arange(N) > 5, "MT"))
    assert look(files.table(tmp_path / "t.tsv", some), "table", known) == []


def test_rna_needs_no_reference_and_may_be_aligned_to_another(tmp_path, known):
    others = [(name, n) for name, n in GRCH38.lengths.items() if name != "chr1"]
    library = Library(random_bases(3000), others=[*others, ("SeV", 15_384)]).cover(5)
    row = {"path": library.write(tmp_path / "a.bam"), "format": "bam", "assay": "rna"}
    reference = write_fasta(tmp_path / "other.fa", {"chr1": random_bases(5000)})
    for fasta in ("", str(reference)):
        assert heads.problems(row, {}, known, fasta) == []
    exome = row | {"assay": "wes"}
    assert "another FASTA" in heads.problems(exome, {}, known, str(reference))[0]
