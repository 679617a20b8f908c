"""Manifests of methylation arrays: every vendor's columns, places on GRCh38, errors in words."""

import gzip

import numpy as np
import pandas as pd
import pytest
from linedrift import genome, tables
from linedrift.methylation_tables import MANIFEST
from linedrift.readers import methylation_manifests
from linedrift.readers.files import ReadingError
from small_methylation_arrays import small_array, write_manifest

# Rows of each generation, in the columns of its vendor's file: type I red, type I green, type II.
V2 = """\
Illumina, Inc.,,,,,,,,,,,
[Heading],,,,,,,,,,,
Descriptor File Name,EPIC-8v2-0_A1.bpm,,,,,,,,,,
Loci Count ,5,,,,,,,,,,
[Assay],,,,,,,,,,,
IlmnID,Name,AddressA_ID,AddressB_ID,Next_Base,Color_Channel,Infinium_Design,Infinium_Design_Type,\
CHR,MAPINFO,Genome_Build,Strand_CO
cg25324105_BC11,cg25324105,0001756381,0076731456,A,Red,1,I,chr19,37692358,GRCh38,C
cg25324105_TC21,cg25324105,0001756382,,,,2,II,chr19,37692358,GRCh38,C
cg00000029_TC21,cg00000029,0001756383,,,,2,II,chr16,53434200,GRCh38,C
cg00000109_TC11,cg00000109,0001756384,0076731457,C,Grn,1,I,chr0,0,GRCh38,C
rs10033147_TC12,rs10033147,0001756385,0076731458,G,Grn,1,I,chr4,110000000,GRCh38,C
[Controls],,,,,,,,,,,
21630339,BISULFITE CONVERSION I,Green,BS Conversion I-C1,,,,,,,,
"""
V1 = """\
Illumina, Inc.
[Heading]
Loci Count ,2
[Assay]
IlmnID,Name,AddressA_ID,AddressB_ID,Infinium_Design_Type,Next_Base,Color_Channel,Genome_Build,\
CHR,MAPINFO,CHR_hg38,Start_hg38,End_hg38
cg07881041,cg07881041,0085713262,,II,,,37,19,5236016,chr19,5236004,5236006
cg18478105,cg18478105,0046761277,0086644198,I,C,Grn,37,20,61847650,chr20,63216297,63216299
[Controls]
21630339,STAINING,-99,DNP(20K)
"""
V27 = """\
Illumina, Inc.
[Assay]
IlmnID,Name,IlmnStrand,AddressA_ID,AddressB_ID,GenomeBuild,Chr,MapInfo,Next_Base,Color_Channel
cg00000292,cg00000292,TOP,990370,6660678,36,16,28797601,T,Red
[Controls]
"""
ORDERING = "Probe_ID\tM\tU\tDESIGN\tCOLOR_CHANNEL\tcol\ncg1\t\t24771476\tII\tBoth\t\n\
cg2\t45624454\t36644319\tI\tRed\tR\nrs3\t5\t6\tI\tGrn\tG\nch.1.2F\t\t7\tII\tBoth\t\n"


def write(folder, text, name="manifest.csv"):
    path = folder / name
    path.write_text(text)
    return str(path)


def rows(found):
    return found.probes.set_index("name")


def test_epic_v2_is_read_with_its_replicates_and_controls(tmp_path):
    found = methylation_manifests.read(write(tmp_path, V2))
    probes = rows(found)
    first, second = probes.loc["cg25324105_BC11"], probes.loc["cg25324105_TC21"]
    assert first["locus"] == second["locus"] == "cg25324105"
    assert (first["design"], second["design"]) == ("I_red", "II")
    assert (first["address_a"], first["address_b"], second["address_b"]) == (1756381, 76731456, 0)
    assert (first["chrom"], first["start"]) == ("chr19", 37692357)
    assert pd.isna(probes.loc["cg00000109_TC11", "chrom"])
    assert probes.loc["cg00000109_TC11", "start"] == -1
    assert (probes.loc["rs10033147_TC12", "kind"], probes["kind"].iloc[-1]) == ("rs", "control")
    assert probes.loc["BS Conversion I-C1", "locus"] == "BISULFITE CONVERSION I"
    assert found.facts["n_no_position"] == 1 and found.facts["n_controls"] == 1
    tables.check(found.probes, MANIFEST)


def test_epic_v1_has_two_builds_and_the_sheet_says_which(tmp_path):
    path = write(tmp_path, V1)
    on_38 = rows(methylation_manifests.read(path, build="GRCh38"))
    assert on_38.loc["cg07881041", "start"] == 5236004
    assert on_38.loc["cg18478105", "start"] == 63216297
    assert on_38.loc["DNP(20K)", "locus"] == "STAINING"


def test_controls_may_have_as_many_fields_as_probes_behind_a_short_mark(tmp_path):
    lines = V1.replace("\n", "\r\n").splitlines(keepends=True)
    padded = lines[-1].rstrip("\r\n") + "," * (lines[4].count(",") - 3) + "\r\n"
    more = padded.replace("21630339", "27630314")
    for ends in ([padded, more], [padded, lines[-1]], [lines[-1], more]):
        text = "\ufeff" + "".join([*lines[:-2], "[Controls],,\r\n", *ends])
        found = methylation_manifests.read(write(tmp_path, text), build="GRCh38")
        assert found.facts["n_probes"] == found.facts["n_controls"] == 2
        assert rows(found).loc["cg07881041", "start"] == 5236004


def test_older_places_are_lifted_and_match_the_stated_ones(tmp_path):
    chain = tmp_path / "to38.chain.gz"
    length, to = (genome.BUILDS[name].lengths["chr19"] for name in ("GRCh37", "GRCh38"))
    head = f"chain 9 chr19 {length} + 1000 9000000 chr19 {to} + 989 8999989 1\n8999000\n\n"
    chain.write_bytes(gzip.compress(head.encode()))
    found = methylation_manifests.read(
        write(tmp_path, V1), build="GRCh37", chains={"GRCh37": str(chain)}
    )
    assert rows(found).loc["cg07881041", "start"] == 5236004
    assert found.facts["n_unmapped"] == 1 and found.facts["chain"] == "to38.chain.gz"


def test_27k_is_all_infinium_1_on_build_36(tmp_path):
    path = write(tmp_path, V27)
    with pytest.raises(ReadingError, match=r"positions are of hg18 \(Genome_Build 36\); expected"):
        methylation_manifests.read(path)
    with pytest.raises(ReadingError, match="chains: hg18"):
        methylation_manifests.read(path, build="hg18")


def test_a_table_of_addresses_takes_its_places_from_another(tmp_path):
    places = write(tmp_path, "name\tchrom\tpos\ncg1\tchr1\t101\ncg9\tchr2\t5\n", "places.tsv")
    found = methylation_manifests.read(write(tmp_path, ORDERING, "o.tsv"), positions=places)
    probes = rows(found)
    assert list(probes["design"]) == ["II", "I_red", "I_green", "II"]
    assert list(probes["kind"]) == ["cg", "cg", "rs", "ch"]
    assert (probes.loc["cg1", "chrom"], probes.loc["cg1", "start"]) == ("chr1", 100)
    assert pd.isna(probes.loc["cg2", "chrom"]) and found.facts["n_no_position"] == 1
    assert (probes.loc["cg2", "address_a"], probes.loc["cg2", "address_b"]) == (36644319, 45624454)
    foreign = write(tmp_path, "name\tchrom\tpos\nAX-1\tchr1\t101\n", "foreign.tsv")
    with pytest.raises(ReadingError, match="none of the probes of the manifest"):
        methylation_manifests.read(write(tmp_path, ORDERING, "o.tsv"), positions=foreign)


def test_without_places_it_says_so(tmp_path):
    found = methylation_manifests.read(write(tmp_path, ORDERING, "o.tsv"))
    assert not found.facts["has_positions"] and found.probes["chrom"].isna().all()
    assert found.has_addresses


@pytest.mark.parametrize(
    ("columns", "values", "start"),
    [
        ("name\tchrom\tstart\tend", "cg1\tchr1\t100\t102", 100),
        ("name\tchrom\tstart\twidth\tstrand", "cg1\tchr1\t101\t2\t+", 100),
        ("Probe_ID\tCpG_chrm\tCpG_beg\tCpG_end", "cg1\tchr1\t100\t102", 100),
        ("probe\tchr\tpos", "cg1\t1\t1.01e+02", 100),
    ],
)
def test_each_way_to_count_positions_is_told_by_the_columns(tmp_path, columns, values, start):
    found = methylation_manifests.read(write(tmp_path, f"{columns}\n{values}\n", "places.tsv"))
    assert found.probes["start"].tolist() == [start]


def test_a_start_that_could_count_from_0_or_1_is_refused(tmp_path):
    path = write(tmp_path, "name\tchrom\tstart\ncg1\tchr1\t100\n", "places.tsv")
    with pytest.raises(ReadingError, match="counts from 0 or from 1; call it pos"):
        methylation_manifests.read(path)


def test_controls_are_the_same_padded_packed_or_not(tmp_path):
    array = small_array(n=240)
    read = [
        methylation_manifests.read(str(write_manifest(tmp_path, array, name, padded=padded)))
        for name, padded in (("a.csv", True), ("b.csv", False), ("c.csv.gz", False))
    ]
    for one in read[1:]:
        pd.testing.assert_frame_equal(one.probes, read[0].probes)
    controls = read[0].probes[read[0].probes["kind"] == "control"]
    assert list(controls["address_a"]) == [one[0] for one in array.controls]
    assert list(controls["name"]) == [one[3] for one in array.controls]
    cg = read[0].probes[read[0].probes["kind"] == "cg"]
    assert np.array_equal(cg["start"] + 1, array.rows["MAPINFO"][: len(cg)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            V2.replace("Loci Count ,5", "Loci Count ,9").partition("[Con")[0],
            "is cut: found 5 probes .* says 9",
        ),
        (V2.replace("IlmnID,Name,", "a,b,"), "has no column of probes"),
        (V2.replace("37692358", "here"), "probe 1 .*found 'here' as position; expected a number"),
        (V2.replace("0001756383", "x"), "probe 3 .*'x' as address a"),
        (V2.replace("chr19", "scaffold9").replace("chr16", "scaffold8"), "contigs that linedrift"),
        (V2.replace("37692358", "99999999"), "lie beyond the end of their chromosome in GRCh38"),
    ],
)
def test_bad_manifests_are_refused(tmp_path, text, words):
    with pytest.raises(ReadingError, match=words):
        methylation_manifests.read(write(tmp_path, text))


def test_a_bpm_is_refused(tmp_path):
    path = tmp_path / "EPIC.bpm"
    path.write_bytes(b"BPM\x01" + bytes(100))
    with pytest.raises(ReadingError, match="BPM manifest; expected the manifest of a methylation"):
        methylation_manifests.read(str(path))
