"""From alignments to the files of a line: the two scripts, on a genome of two thousand bases."""

import json
from types import SimpleNamespace

import call_variants
import count_variants
import cyvcf2
import pandas as pd
import pytest
from linedrift import tables
from linedrift.sequencing_tables import VARIANT_COUNTS, VARIANT_COURSES, VARIANT_HOTSPOTS, VARIANTS
from small_alignments import Library, random_bases, write_fasta
from truth import CONFIG

LENGTH = 2000
GENOME = random_bases(LENGTH, 8)
COUNTING = CONFIG["variants"] | {"min_base_quality": 20, "min_mapping_quality": 20}


def changed(position):
    return (position, GENOME[position], "ACGT"[("ACGT".index(GENOME[position]) + 2) % 4])


NEW, GERMLINE, HOTSPOT = changed(400), changed(700), changed(1500)


def member(sample, role="own", baseline="D-p0"):
    line, passage = sample.split("-p")
    return {
        "sample": sample, "line": line, "passage": int(passage), "role": role,
        "baseline": baseline, "assay": "wes",
    }  # fmt: skip


EXOMES = [member("L-p5"), member("L-p20"), member("D-p0", "baseline", "")]
SAMPLES = [row["sample"] for row in EXOMES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the exomes of a donor and two passages, and what a line needs."""
    path = tmp_path_factory.mktemp("line")
    write_fasta(path / "genome.fa", {"chr1": GENOME})
    (path / "targets.bed").write_text(
        f"chr1\t50\t800\nchr1\t1100\t{LENGTH - 50}\n", encoding="ascii"
    )
    people = {
        "D-p0": [[GERMLINE]],
        "L-p5": [[GERMLINE]],
        "L-p20": [[GERMLINE], [GERMLINE, NEW, HOTSPOT]],  # new in half of the cells
    }
    for sample, haplotypes in people.items():
        library = Library(GENOME)
        for place, variants in enumerate(haplotypes):
            library.cover(100 / len(haplotypes), variants, 0.5, place)
        library.write(path / f"{sample}.bam")
    spot = {
        "id": "GENE:p.Ala1Val", "label": "GENE A1V", "gene": "GENE", "chrom": "chr1",
        "start": 1500, "end": 1501, "ref": HOTSPOT[1], "alt": HOTSPOT[2], "scope": "point",
        "tier": "A", "disputed": "no", "verification": "verified",
    }  # fmt: skip
    pd.DataFrame([spot]).to_csv(path / "hotspots.tsv", sep="\t", index=False)
    genes = pd.DataFrame({"gene": ["CANCER"], "chrom": "chr1", "start": 350, "end": 450})
    genes.to_csv(path / "genes.tsv", sep="\t", index=False)
    for table in (tables.EVENTS, tables.TRAJECTORIES, tables.IDENTITY, tables.QUALITY):
        tables.write(table.empty(), path / f"{table.name}.tsv", table)
    return path


def count(folder, part, drifting=True, parts=2):
    paths = [str(folder / f"{sample}.bam") for sample in SAMPLES]
    out = {name: folder / f"{part}.{name}" for name in ("counts", "errors")}
    return SimpleNamespace(
        input=SimpleNamespace(
            alignments=paths,
            indexes=[f"{path}.bai" for path in paths],
            targets=[str(folder / "targets.bed")],
            reference=str(folder / "genome.fa"),
            hotspots=str(folder / "hotspots.tsv"),
        ),
        output=SimpleNamespace(
            **{name: f"{path}.parquet" for name, path in out.items()},
            facts=folder / f"{part}.facts.json",
        ),
        params=SimpleNamespace(
            line="L",
            exomes=EXOMES,
            panel=[],
            samples=SAMPLES,
            settings=COUNTING,
            drifting=drifting,
            parts=parts,
        ),  # fmt: skip
        wildcards=SimpleNamespace(part=str(part)),
    )


@pytest.fixture(scope="module")
def counted(folder):
    return [count_variants.main(count(folder, part)) for part in range(2)]


def test_of_a_donor_alone_only_the_targets_of_hotspots_are_counted(folder, counted, tmp_path):
    job = count(folder, 0, drifting=False, parts=1)
    job.output = SimpleNamespace(
        counts=tmp_path / "counts.parquet", errors=tmp_path / "errors", facts=tmp_path / "facts"
    )
    count_variants.main(job)
    found = tables.read(tmp_path / "counts.parquet", VARIANT_COUNTS)
    assert set(found["start"]) == {1500}
    assert json.loads((tmp_path / "facts").read_text())["target_bp"] == LENGTH - 1100 + 50
    whole = pd.concat(
        tables.read(folder / f"{part}.counts.parquet", VARIANT_COUNTS) for part in range(2)
    )
    same = whole[whole["start"] == 1500].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, same)


def call(folder, target, exomes=EXOMES, **inputs):
    parts = range(2 if exomes else 0)
    given = {
        "counts": [folder / f"{part}.counts.parquet" for part in parts],
        "errors": [folder / f"{part}.errors.parquet" for part in parts],
        "facts": [folder / f"{part}.facts.json" for part in parts],
        "quality": [folder / "quality.tsv"] * len(exomes),
        "identity": folder / "identity.tsv",
        "events": folder / "events.tsv",
        "trajectories": folder / "trajectories.tsv",
        "reference": str(folder / "genome.fa"),
        "genes": [],
        "hotspots": folder / "hotspots.tsv",
        "cancer_genes": folder / "genes.tsv",
    }
    names = ("variants.tsv", "courses.tsv", "hotspots.tsv", "facts.json", "vcf.gz")
    job = SimpleNamespace(
        input=SimpleNamespace(**given | inputs),
        output=SimpleNamespace(**{name.split(".")[0]: target / name for name in names}),
        params=SimpleNamespace(
            line={"line": "L", "sex": "female"},
            exomes=exomes,
            panel=[],
            settings=CONFIG["variants"],
            version="0",
        ),
    )
    said = call_variants.main(job)
    read = {
        "variants": tables.read(target / "variants.tsv", VARIANTS),
        "courses": tables.read(target / "courses.tsv", VARIANT_COURSES),
        "hotspots": tables.read(target / "hotspots.tsv", VARIANT_HOTSPOTS),
        "facts": json.loads((target / "facts.json").read_text(encoding="utf-8")),
        "vcf": list(cyvcf2.VCF(str(target / "vcf.gz"))),
        "samples": cyvcf2.VCF(str(target / "vcf.gz")).samples,
        "said": said,
    }
    return SimpleNamespace(**read)


def test_what_a_line_acquired_is_in_all_its_files(folder, counted, tmp_path):
    found = call(folder, tmp_path)
    new = found.variants[found.variants["origin"] == "acquired"]
    assert new["start"].tolist() == [NEW[0], HOTSPOT[0]]
    assert new["gene"].tolist() == ["CANCER", ""]
    assert new["hotspot_id"].tolist() == ["", "GENE:p.Ala1Val"]
    assert set(new["first_passage"]) == {20}
    assert found.facts["inherited"] == 1
    assert found.facts["target_bp"] == LENGTH - 200
    assert not found.facts["annotated"]
    assert "no GFF3" in found.said
    assert found.samples == ["D-p0", "L-p5", "L-p20"]
    assert [record.POS for record in found.vcf] == [NEW[0] + 1, HOTSPOT[0] + 1]
    states = found.hotspots.set_index("sample")["state"]
    assert states.to_dict() == {"D-p0": "absent", "L-p5": "absent", "L-p20": "present"}


def test_an_exome_of_another_person_is_not_testable(folder, counted, tmp_path):
    row = {
        "sample": "L-p20", "assay": "wes", "state": "failed", "expected_sex": "female",
        "sex": "female", "compared_with": "D-p0", "looks_like": "", "reason": "another person",
    }  # fmt: skip
    tables.write(pd.DataFrame([row]), tmp_path / "identity.tsv", tables.IDENTITY)
    found = call(folder, tmp_path, identity=tmp_path / "identity.tsv")
    assert not (found.variants["origin"] == "acquired").any()
    states = found.hotspots.set_index("sample")["state"]
    assert states.to_dict() == {"D-p0": "absent", "L-p5": "absent", "L-p20": "not_testable"}
    reason = found.hotspots.set_index("sample")["reason"]["L-p20"]
    assert reason == "identity failed: another person"


def test_a_line_whose_exomes_all_failed_has_only_hotspots_not_testable(folder, counted, tmp_path):
    row = {
        "sample": "x", "assay": "wes", "figure": "depth", "label": "depth", "value": "3",
        "expected": "20", "state": "fail", "reason": "3 reads deep",
    }  # fmt: skip
    tables.write(pd.DataFrame([row]), tmp_path / "quality.tsv", tables.QUALITY)
    found = call(folder, tmp_path, quality=[tmp_path / "quality.tsv"] * 3)
    assert found.variants.empty
    assert set(found.hotspots["state"]) == {"not_testable"}
    assert set(found.hotspots["reason"]) == {"3 reads deep"}
    assert found.vcf == []


def counted_without(hotspot, folder, target, drifting):
    """Count and call with a kit whose targets are not on the chromosome of the hotspot."""
    spots = pd.read_csv(folder / "hotspots.tsv", sep="\t").assign(chrom=hotspot)
    spots.to_csv(target / "hotspots.tsv", sep="\t", index=False)
    job = count(folder, 0, drifting=drifting, parts=1)
    job.input.hotspots = target / "hotspots.tsv"
    names = {"counts": "counts.parquet", "errors": "errors.parquet", "facts": "facts.json"}
    places = {name: target / f"0.{ending}" for name, ending in names.items()}
    job.output = SimpleNamespace(**places)
    count_variants.main(job)
    given = {name: [path] for name, path in places.items()}
    return call(folder, target, hotspots=target / "hotspots.tsv", **given)


@pytest.mark.parametrize("drifting", [True, False])
def test_a_kit_without_any_hotspot_says_so_of_each(folder, tmp_path, drifting):
    found = counted_without("chr2", folder, tmp_path, drifting)
    assert set(found.hotspots["state"]) == {"not_testable"}
    assert set(found.hotspots["reason"]) == {"not among the places that were counted"}
    assert (found.variants["origin"] == "acquired").any() == drifting
    assert (found.facts["target_bp"] > 0) == drifting


def test_a_line_without_an_exome_has_empty_files(folder, tmp_path):
    found = call(folder, tmp_path, exomes=[])
    assert found.variants.empty
    assert found.courses.empty
    assert found.hotspots.empty
    assert found.facts["reason"] == "no exome"
    assert found.samples == []


def test_what_was_counted_is_told(counted):
    assert all(text.startswith("3 exomes, ") for text in counted)
