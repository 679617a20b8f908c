"""The whole workflow on a real trio: a parent as donor, the son as its line.

A relative is a hard donor (half of its heterozygous loci are homozygous in the son), but the only
one whose copy numbers are documented: PennCNV's own calls of the three people.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from linedrift import tables

pytestmark = [pytest.mark.real, pytest.mark.workflow]
ROOT = Path(__file__).resolve().parents[2]

# PennCNV's calls (hg18) have these ends on GRCh38, 0-based: by the markers' names.
ACQUIRED = ("chr3", 3_957_985, 4_054_960)
OF_FATHER = [("chr11", 81_792_949, 81_806_219), ("chr20", 10_511_630, 10_583_260)]
DEEP = ("chr11", 55_603_544, 55_679_951)
# The sheets refuse a son whose donor is female, so the mother's sex is left open.
SEX = {"father": "male", "mother": "unknown"}


class Run:
    """The trio in a folder: sheets, settings, Snakemake and its results."""

    def __init__(self, folder: Path, data: Path, donor: str, build: str) -> None:
        self.folder = folder
        arrays = data / "snp_array" / "trio_humanhap550"
        lines = [["line", "kind", "parent", "sex", "tier"]]
        lines += [[donor, "donor", "", SEX[donor], ""], ["son", "line", donor, "male", "public"]]
        samples = [["line", "passage", "assay", "format", "path", "build", "platform"]]
        for line, passage, file in ((donor, "0", donor), ("son", "10", "offspring")):
            path = str(arrays / f"{file}.txt.gz")
            samples.append([line, passage, "snp_array", "penncnv", path, build, "HumanHap550"])
        for name, rows in (("lines.tsv", lines), ("samples.tsv", samples)):
            text = "".join("\t".join(row) + "\n" for row in rows)
            (folder / name).write_text(text, encoding="utf-8")
        chain = data / "reference" / "hg18ToHg38.over.chain.gz"
        settings = {"lines": "lines.tsv", "samples": "samples.tsv", "chains": {"hg18": str(chain)}}
        (folder / "bank.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    def start(self, *targets: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake; standard output and error are one."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--directory", str(self.folder), "--configfile", "bank.yaml"]
        command += ["--cores", str(min(2, os.cpu_count() or 1)), "--quiet", "rules", "--", *targets]
        return subprocess.run(
            command,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )

    def table(self, name: str, table: tables.Table, line: str = "son") -> pd.DataFrame:
        """Return a table of a line."""
        return tables.read(self.folder / "results" / "lines" / line / f"{name}.tsv", table)

    def events(self, line: str = "son") -> pd.DataFrame:
        """Return the events of a line."""
        return self.table("events", tables.EVENTS, line)


@pytest.fixture(scope="module")
def father(tmp_path_factory, real_data):
    """Return the finished run with the father as donor, pages and all."""
    run = Run(tmp_path_factory.mktemp("father"), real_data, "father", "hg18")
    done = run.start()
    assert done.returncode == 0, done.stdout
    return run


@pytest.fixture(scope="module")
def mother(tmp_path_factory, real_data):
    """Return the run with the mother as donor, up to the verdict."""
    run = Run(tmp_path_factory.mktemp("mother"), real_data, "mother", "hg18")
    done = run.start("check", "results/lines/son/verdict.json")
    assert done.returncode == 0, done.stdout
    return run


@pytest.fixture(params=["father", "mother"])
def run(request):
    """Return the run with each parent in turn."""
    return request.getfixturevalue(request.param)


def at(events, chrom, start, end):
    """Return the events that overlap a place."""
    return events[(events["chrom"] == chrom) & (events["start"] < end) & (events["end"] > start)]


def test_the_sons_own_loss_is_acquired_with_its_ends(run):
    found = at(run.events(), *ACQUIRED)
    assert found[["kind", "copies", "origin"]].to_numpy().tolist() == [["loss", 1, "acquired"]]
    # 50 markers in 97 kb: 4 kb are two of them.
    assert abs(found["start"].iloc[0] - ACQUIRED[1]) <= 4_000
    assert abs(found["end"].iloc[0] - ACQUIRED[2]) <= 4_000


def test_what_the_father_has_too_is_not_acquired(father):
    events = father.events()
    assert len(at(events, *OF_FATHER[0])) == 1
    for place in OF_FATHER:
        assert set(at(events, *place)["origin"]) <= {"inherited"}, place


def test_what_the_mother_lacks_is_acquired_from_her(mother):
    for place in OF_FATHER:
        found = at(mother.events(), *place)
        assert found[["kind", "origin"]].to_numpy().tolist() == [["loss", "acquired"]], place


def test_the_father_has_his_documented_losses(father):
    events = father.events("father")
    for place in OF_FATHER:
        found = at(events, *place)
        assert found[["kind", "origin"]].to_numpy().tolist() == [["loss", "inherited"]], place


def test_the_homozygous_loss_is_found_as_such(run):
    found = at(run.events(), *DEEP)
    assert found[["kind", "copies"]].to_numpy().tolist() == [["deep_loss", 0]]
    course = run.table("trajectories", tables.TRAJECTORIES)
    own = course[(course["event_id"] == found["event_id"].iloc[0]) & (course["passage"] == 10)]
    assert own["cell_fraction"].iloc[0] > 0.9


def test_nothing_is_present_at_20q11(run):
    hotspots = run.table("hotspots", tables.HOTSPOTS)
    own = hotspots[hotspots["hotspot_id"].str.startswith("gain_20q11.21")]
    assert len(own) == 2
    assert set(own["state"]) == {"absent"}
    # 316 markers: a clonal gain would have been seen by far.
    assert own["limit"].max() <= 0.5
    assert at(run.events(), "chr20", 30_400_000, 33_500_000).empty


def test_a_relative_is_no_donor_and_the_identity_says_so(run):
    identity = run.table("identity", tables.IDENTITY).set_index("sample")
    assert identity.loc["son-p10", "state"] in ("failed", "not_testable")
    assert "genotype differs" in identity.loc["son-p10", "reason"]
    pairs = run.table("identity_pairs", tables.IDENTITY_PAIRS)
    assert set(pairs["observed"]) == {"family"}
    assert pairs["text"].str.contains("are relatives").all()


def test_the_verdict_says_what_was_not_measured(father):
    path = father.folder / "results" / "lines" / "son" / "verdict.json"
    verdict = json.loads(path.read_text(encoding="utf-8"))
    assert any("trisomy 12: no loci" in text for text in verdict["passages"][0]["not_testable"])
    assert any("identity" in text for text in verdict["passages"][0]["not_testable"])


def test_nothing_else_is_acquired_and_the_verdict_is_insufficient(father):
    events = father.events()
    known = [index for place in (ACQUIRED, DEEP) for index in at(events, *place).index]
    others = events.drop(index=known)
    assert not (others["origin"] == "acquired").any(), others.to_string()
    path = father.folder / "results" / "lines" / "son" / "verdict.json"
    assert json.loads(path.read_text(encoding="utf-8"))["verdict"] == "insufficient"


def test_the_pages_are_there_and_the_donor_has_none_in_public(father):
    results = father.folder / "results"
    assert {path.name for path in (results / "public").glob("*.html")} == {"index.html", "son.html"}
    page = (results / "report" / "son.html").read_text(encoding="utf-8")
    assert "3p26" in page
    public = (results / "public" / "son.html").read_text(encoding="utf-8")
    assert "99HI" not in public
    assert "father" not in public


def test_the_wrong_build_stops_in_the_check_and_makes_no_event(tmp_path, real_data):
    run = Run(tmp_path, real_data, "father", "GRCh38")
    done = run.start()
    assert done.returncode != 0
    assert "the positions are those of hg18. Write hg18 into the column build" in done.stdout
    for sample in ("father-p0", "son-p10"):
        assert f"{sample} (snp_array)" in done.stdout
    results = tmp_path / "results"
    assert not list(results.rglob("events.tsv"))
    assert not list(results.rglob("*.parquet"))
