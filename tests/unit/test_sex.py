"""The sex that a sheet does not know is that of the signal, from the contrast to the events."""

import json
from pathlib import Path
from types import SimpleNamespace

import call_events
import describe_snp_array
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift import tables
from linedrift.quality.sex import agreed_sex, known_sex, sex_of_signals
from truth import CONFIG, MB, Event, world

ROOT = Path(__file__).resolve().parents[2]
CHROMOSOMES = ("chr21", "chr22", "chrX", "chrY")
SEXES = ("female", "male", "unknown")


@pytest.fixture(scope="module", params=["female", "male"])
def person(request):
    """Return a sex, and SIGNALS of a donor and of the line with a loss on chr22."""
    w = world(5, CHROMOSOMES, sex=request.param)
    return request.param, w.measure(), w.measure(Event("chr22", 20 * MB, 30 * MB, "loss", 0.5))


def test_signals_tell_the_sex(person):
    sex, *both = person
    assert [sex_of_signals(one, CONFIG["quality"]) for one in both] == [sex, sex]


def test_unusable_loci_tell_nothing(person):
    _, donor, _ = person
    assert sex_of_signals(donor.assign(usable=False), CONFIG["quality"]) == "unknown"


def test_a_sheet_that_knows_is_not_contradicted(person):
    _, donor, line = person
    for sex in ("female", "male"):
        assert known_sex(sex, [line, donor], CONFIG["quality"]) == sex


def test_where_a_culture_tells_nothing_its_baseline_does(person):
    sex, donor, line = person
    autosomes = line[line["chrom"].isin(["chr21", "chr22"])].reset_index(drop=True)
    assert known_sex("unknown", [autosomes], CONFIG["quality"]) == "unknown"
    assert known_sex("unknown", [], CONFIG["quality"]) == "unknown"
    assert known_sex("unknown", [autosomes, donor], CONFIG["quality"]) == sex


@pytest.mark.parametrize(
    ("sheet", "told", "expected"),
    [
        ("male", ["female"], "male"),
        ("unknown", [], "unknown"),
        ("unknown", ["unknown", "male", "male"], "male"),
        ("unknown", ["female"], "female"),
        ("unknown", ["female", "male"], "unknown"),
    ],
)
def test_a_line_has_the_sex_that_its_measurements_agree_on(sheet, told, expected):
    assert agreed_sex(sheet, told) == expected


@given(st.sampled_from(SEXES), st.lists(st.sampled_from(SEXES)))
def test_the_order_of_measurements_decides_nothing(sheet, told):
    assert agreed_sex(sheet, told) == agreed_sex(sheet, told[::-1]) in SEXES


def job(inputs, outputs, **params):
    return SimpleNamespace(
        input=Inputs(inputs),
        output=SimpleNamespace(**outputs),
        params=SimpleNamespace(**params),
        wildcards=SimpleNamespace(sample="L-p5", assay="snp_array"),
    )


class Inputs(SimpleNamespace):
    """Inputs of a job: by attribute, and by name."""

    def __init__(self, named):
        super().__init__(**named)

    def __getitem__(self, name):
        return getattr(self, name)


def run_array(folder, signals, baselines, sample, sex):
    """Describe a sample by the script of the rule; return the sex that the noise names."""
    path = folder / f"{sample}.signals"
    tables.write(signals, path, tables.SIGNALS)
    made = ("contrast", "noise", "quality", "genotypes")
    curated = {
        "bands": ROOT / "resources" / "cytoBand.hg38.txt",
        "snp_probes": ROOT / "resources" / "methylation_snp_probes.tsv",
    }
    describe_snp_array.main(
        job(
            curated | {"signals": path, "baselines": baselines, "gc_content": []},
            {name: folder / f"{sample}.{name}" for name in made},
            sex=sex,
            settings=CONFIG["contrast"],
            quality=CONFIG["quality"],
            identity=CONFIG["identity"],
        )
    )
    return json.loads((folder / f"{sample}.noise").read_text(encoding="utf-8"))["sex"]


def events_of(folder, sex, samples):
    """Run call_events on the samples in `folder`, of the line and its donor; return EVENTS."""
    for table in (tables.QUALITY, tables.IDENTITY):
        tables.write(table.empty(), folder / table.name, table)
    resources = {
        name: ROOT / "resources" / f"{file}.tsv"
        for name, file in (
            ("hotspot_table", "cnv_hotspots"), ("rules", "cnv_hotspot_rules"),
            ("genes", "hotspot_genes"), ("lookalikes", "cnv_lookalikes"),
        )
    }  # fmt: skip
    made = ("events", "trajectories", "hotspots", "candidates", "candidate_trajectories")
    rows = [
        {"sample": "L-p5", "passage": 5, "assay": "snp_array", "baseline": "D-p0", "role": "own"},
        {"sample": "D-p0", "passage": 0, "assay": "snp_array", "baseline": "", "role": "donor"},
    ][: len(samples)]
    call_events.main(
        job(
            resources
            | {
                "bands": ROOT / "resources" / "cytoBand.hg38.txt",
                "contrasts": [folder / f"{name}.contrast" for name in samples],
                "noise": [folder / f"{name}.noise" for name in samples],
                "quality": [folder / "quality"] * len(samples),
                "identity": folder / "identity",
                "counted": [],
            },
            {name: folder / name for name in made},
            line={"line": "L", "sex": sex, "kind": "line"},
            measurements=rows,
            segmentation=CONFIG["segmentation"],
            settings=CONFIG["events"],
        )
    )
    return tables.read(folder / "events", tables.EVENTS)


@pytest.mark.parametrize("sheet", ["known", "unknown"])
@pytest.mark.parametrize("with_donor", [True, False])
def test_a_line_of_unknown_sex_has_the_events_of_one_whose_sex_is_known(
    person, sheet, with_donor, tmp_path
):
    sex, donor, line = person
    said = sex if sheet == "known" else "unknown"
    samples = ("L-p5", "D-p0") if with_donor else ("L-p5",)
    if with_donor:
        assert run_array(tmp_path, donor, [], "D-p0", said) == sex
    baselines = [tmp_path / "D-p0.signals"] if with_donor else []
    assert run_array(tmp_path, line, baselines, "L-p5", said) == sex
    events = events_of(tmp_path, said, samples)
    assert events["chrom"].tolist() == ["chr22"]
    assert np.abs(events["start"] - 20 * MB).max() < MB


def test_what_a_man_of_unknown_sex_loses_is_seen(tmp_path):
    """A woman has no Y to lose; the same signals taken for hers say nothing."""
    w = world(6, CHROMOSOMES, sex="male")
    donor, line = w.measure(), w.measure(Event("chrY", 3 * MB, 57 * MB, "loss", 0.6))
    for said, expected in (("unknown", ["chrY"]), ("female", [])):
        run_array(tmp_path, donor, [], "D-p0", said)
        run_array(tmp_path, line, [tmp_path / "D-p0.signals"], "L-p5", said)
        assert events_of(tmp_path, said, ("L-p5", "D-p0"))["chrom"].tolist() == expected
