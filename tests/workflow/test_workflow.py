"""The workflow itself: which jobs there are, when they run again, and what stops them."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.workflow
ROOT = Path(__file__).resolve().parents[2]


def counts(said):
    """Return the number of jobs of each rule, from the table of a dry run."""
    table = said.partition("Job stats:")[2].split("\n\n")[0]
    return {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", table, re.M)}


def inputs(said):
    """Return the inputs of each rule that a dry run prints."""
    found = {}
    for name, text in re.findall(r"^(?:local)?rule (\w+):\n    input: (.*)$", said, re.M):
        found.setdefault(name, set()).update(text.split(", "))
    return found


def test_every_rule_of_the_example_is_planned(pristine):
    done = pristine.run("-n")
    assert done.returncode == 0, done.stdout
    assert counts(done.stdout) == {
        "check": 1, "read_snp_array": 2, "describe_snp_array": 2, "call_events": 2,
        "call_variants": 2, "identify_line": 2, "identify_bank": 1, "assess": 2, "bin_signals": 2,
        "report_line": 2, "report_bank": 1, "publish_bank": 1, "all": 1, "total": 21,
    }  # fmt: skip


def with_exomes(folder, platform="kit"):
    """Write sheets and settings with a donor's FASTQ in two lanes and a line's BAM; return them."""
    example = folder / "config" / "example"
    for name in ("1_1.fq", "1_2.fq", "2_1.fq", "2_2.fq", "p12.bam", "p30.bam", "p30.bam.bai"):
        (example / name).write_text("not looked at in a dry run")
    (folder / "reference.fa").write_text(">chr20\nACGT\n")
    (folder / "reference.fa.fai").write_text("chr20\t4\t7\t4\t5\n")
    (folder / "kit.bed").write_text("chr20\t1\t3\n")
    rows = "".join(
        f"example-{name}\twes\t{form}\texample/{one}\t{two}\t\tGRCh38\t{platform}\t\t\t\n"
        for name, form, one, two in (
            ("donor\t0", "fastq", "1_1.fq", "example/1_2.fq"),
            ("donor\t0", "fastq", "2_1.fq", "example/2_2.fq"),
            ("line\t12", "bam", "p12.bam", ""),
            ("line\t30", "bam", "p30.bam", ""),
        )
    )
    sheet = (folder / "config" / "samples.tsv").read_text()
    (folder / "config" / "exomes.tsv").write_text(sheet + rows)
    lines = (folder / "config" / "lines.tsv").read_text().replace("private", "public")
    (folder / "public.tsv").write_text(lines)
    settings = folder / "exomes.yaml"
    settings.write_text(
        "lines: public.tsv\nsamples: config/exomes.tsv\nresources: {reference: reference.fa}\n"
        "wes: {capture: {kit: kit.bed}}\n"
    )
    return settings


def with_all_assays(folder):
    """Add RNA and methylation in several formats to the exomes; return the settings."""
    settings = with_exomes(folder)
    (folder / "genes.gff3").write_text("not looked at in a dry run")
    sheet = folder / "config" / "exomes.tsv"
    for passage, assay, name, form, second in (
        (12, "rna", "counts.tsv", "gene_counts", ""),
        (12, "rna", "rna.bam", "bam", ""),
        (30, "rna", "1.fastq", "fastq", "2.fastq"),
        (12, "methylation", "a_Grn.idat", "idat", "a_Red.idat"),
        (30, "methylation", "b.cov", "bismark_cov", ""),
        (30, "methylation", "b.bam", "bam", ""),
    ):
        for one in filter(None, (name, second)):
            (folder / "config" / "example" / one).write_text("not looked at in a dry run")
        second = f"example/{second}" if second else ""
        cells = f"{passage}\t{assay}\t{form}\texample/{name}\t{second}\t\tGRCh38\t\t\t\t\n"
        sheet.write_text(f"{sheet.read_text()}example-line\t{cells}")
    text = settings.read_text().replace("reference.fa}", "reference.fa, genes: genes.gff3}")
    settings.write_text(f"{text}methylation: {{manifest: {{any: genes.gff3}}}}\n")
    return settings


def test_exomes_are_aligned_indexed_and_read_once_each(pristine):
    said = pristine.run("-n", "--configfile", str(with_exomes(pristine.folder))).stdout
    planned = counts(said)
    of_exomes = {
        "index_reference": 1, "align": 1, "index_wes": 1, "wes_bins": 1, "find_sites": 1,
        "read_wes": 3, "describe_wes": 3, "read_snp_array": 2, "describe_snp_array": 2,
    }  # fmt: skip
    assert {name: planned.get(name) for name in of_exomes} == of_exomes, said
    read = inputs(said)["align"]
    assert {path for path in read if path.endswith(".fq")} == {
        str(pristine.folder / "config" / "example" / f"{lane}_{end}.fq")
        for lane in (1, 2)
        for end in (1, 2)
    }
    assert "results/alignments/example-line-p12.wes.bam.bai" in said
    assert "results/alignments/example-line-p30.wes.bam.bai" not in said


def test_exomes_without_targets_are_refused_before_any_job(pristine):
    settings = with_exomes(pristine.folder, platform="another kit")
    done = pristine.run("-n", "--configfile", str(settings))
    assert done.returncode == 1
    assert "3 measurements by wes on platform 'another kit', but no capture BED" in done.stdout
    assert "would look lost" in done.stdout
    with_exomes(pristine.folder)


def test_every_rule_says_in_words_what_it_does():
    for name, body in rule_texts().items():
        assert re.match(r'\n    """[A-Z].+', body), name


def rule_texts():
    """Return the text of each rule by its name."""
    files = [ROOT / "Snakefile", *sorted((ROOT / "workflow" / "rules").glob("*.smk"))]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return dict(body.split(":", 1) for body in re.split(r"^rule ", text, flags=re.M)[1:])


def test_rules_fit_on_a_screen_and_hold_what_the_house_asks_for():
    for name, rest in rule_texts().items():
        block = re.split(r"\n\S", rest)[0].strip("\n").splitlines()
        # A rule is more than its list of files where science and size both stand in it.
        assert len([line for line in block if line.strip()]) <= 42, name
        if name != "all":
            for directive in ("log:", "benchmark:", "conda:", "mem_mb=", "runtime=", "library="):
                assert directive in rest, (name, directive)
        assert "retries:" not in rest
        assert "protected(" not in rest
        assert not re.search(r"^    run:", rest, re.M)
        memory = re.search(r"mem_mb=growing\((\d+)\)", rest)
        # A job's own Snakemake takes 230 MB under Slurm.
        assert memory is None or int(memory.group(1)) >= 600


def test_the_form_of_the_workflow_is_clean(pristine):
    done = pristine.run("--lint")
    assert done.returncode == 0, done.stdout
    assert "good condition" in done.stdout


# What a script is built on


def loaded_by(scripts):
    """Return the modules of the library that each script loads, as Python itself tells."""
    program = textwrap.dedent("""
        import ast, json, os, sys
        import numpy, pandas, pyarrow, scipy.spatial, plotly.offline, jinja2, pysam, numba
        for script in sys.argv[1:]:
            read, write = os.pipe()
            if os.fork() == 0:
                tree = ast.parse(open(script).read())
                imports = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
                for node in imports:
                    exec(compile(ast.Module([node], []), script, "exec"))
                names = [n for n in sys.modules if n == "linedrift" or n.startswith("linedrift.")]
                os.write(write, json.dumps(names).encode())
                os._exit(0)
            os.close(write)
            print(script, os.read(read, 1_000_000).decode(), sep="\\t")
            os.wait()
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, scripts)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow" / "scripts")},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return {Path(script).stem: set(json.loads(names)) for script, names in lines}


def test_a_script_is_built_on_exactly_the_modules_that_it_loads(pristine):
    rules = ROOT / "workflow" / "rules"
    found = {
        "workflow": SimpleNamespace(source_path=lambda path: str((rules / path).resolve(True)))
    }
    exec((rules / "library.smk").read_text(encoding="utf-8"), found)
    for script, loaded in loaded_by(pristine.scripts()).items():
        listed = {
            re.sub(r"/__init__\.py$|\.py$", "", path.partition("/scripts/")[2]).replace("/", ".")
            for path in found["built_on"](script)
        }
        assert listed == loaded, script


def test_every_rule_names_the_library_of_its_own_script():
    for name, body in rule_texts().items():
        if name != "all":
            script = re.search(r"scripts/(\w+)\.py", body).group(1)
            assert f'params:\n        library=library("{script}")' in body, name


def test_a_message_about_a_job_leaves_out_what_its_script_is_built_on(pristine):
    said = pristine.run("-n", "--configfile", str(with_all_assays(pristine.folder))).stdout
    assert "rule call_events:" in said
    assert "rule measure_methylation:" in said
    assert "scripts/linedrift/" not in said


@pytest.mark.parametrize(
    ("module", "again", "not_again"),
    [
        ("report/bank_views", {"report_bank", "report_line", "publish_bank"},
         {"assess", "bin_signals"}),
        ("events/segmentation", {"call_events", "assess", "report_line"},
         {"read_snp_array", "describe_snp_array", "identify_bank", "check"}),
        ("signals/contrast", {"describe_snp_array", "call_events"}, {"read_snp_array", "check"}),
        ("readers/heads", {"check"}, {"read_snp_array", "report_bank"}),
        ("identity/kinship", {"identify_line", "identify_bank", "assess"}, {"describe_snp_array"}),
    ],
)  # fmt: skip
def test_editing_a_module_runs_again_what_uses_it_and_no_more(finished, module, again, not_again):
    file = finished.folder / "workflow" / "scripts" / "linedrift" / f"{module}.py"
    text, times = file.read_text(encoding="utf-8"), file.stat()
    try:
        file.write_text(text + "\n# edited\n", encoding="utf-8")
        planned = set(counts(finished.run("-n").stdout))
    finally:
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert again <= planned
    assert not planned & not_again


def test_nothing_runs_again_when_nothing_changed(finished):
    assert "Nothing to be done" in finished.run("-n").stdout


def test_a_setting_runs_again_what_it_decides(finished):
    (finished.folder / "other.yaml").write_text("segmentation: {penalty: 8.0}\n")
    planned = set(counts(finished.run("-n", "--configfile", "other.yaml").stdout))
    assert {"call_events", "report_line"} <= planned
    assert not planned & {"read_snp_array", "describe_snp_array", "identify_line", "check"}


def test_a_new_line_runs_its_own_jobs_and_the_banks_pages(finished):
    config = finished.folder / "config"
    (config / "lines.more.tsv").write_text(
        (config / "lines.tsv").read_text() + "한국-2\tline\t\tmale\tpublic\t\t\t\t\n"
    )
    (config / "samples.more.tsv").write_text(
        (config / "samples.tsv").read_text()
        + "한국-2\t7\tsnp_array\ttable\texample/donor.tsv\t\tother\tGRCh38\t\t\t\t\n"
    )
    said = finished.run(
        "-n", "--config", "lines=config/lines.more.tsv", "samples=config/samples.more.tsv"
    ).stdout
    planned = counts(said)
    assert set(re.findall(r"wildcards: .*", said)) <= {
        "wildcards: sample=한국-2-p7",
        "wildcards: sample=한국-2-p7, assay=snp_array",
        "wildcards: line=한국-2",
    }
    assert planned["read_snp_array"] == planned["publish_line"] == 1
    assert planned["check"] == planned["identify_bank"] == planned["report_bank"] == 1


# Used by another workflow


def test_it_runs_as_a_module_of_another_workflow(pristine, tmp_path):
    example = pristine.folder / "config"
    (tmp_path / "Snakefile").write_text(
        textwrap.dedent(f"""
        module linedrift:
            snakefile:
                "{pristine.folder}/workflow/Snakefile"
            config:
                {{
                    "lines": "{example}/lines.tsv",
                    "samples": "{example}/samples.tsv",
                    "results": "out",
                }}

        use rule * from linedrift as drift_*

        rule all:
            default_target: True
            input:
                rules.drift_all.input,
        """)
    )
    planned = pristine.run("-n", cwd=tmp_path)
    assert planned.returncode == 0, planned.stdout
    assert counts(planned.stdout)["drift_read_snp_array"] == 2
    done = pristine.run("--cores", "1", "drift_check", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "out" / "check.tsv").read_text().count("\n") == 3
    # The job loaded the library where it stands: what it compiled is there for the next.
    compiled = pristine.folder / "workflow" / "scripts" / "linedrift" / "readers" / "__pycache__"
    assert list(compiled.glob("heads.*.pyc"))


# Bad input


def bank(folder, lines, samples):
    """Write two sheets and settings that name them; return the options for Snakemake."""
    folder.mkdir(exist_ok=True)
    header = (ROOT / "config" / "lines.tsv").read_text().splitlines()[0]
    (folder / "lines.tsv").write_text("\n".join([header, *lines, ""]))
    header = (ROOT / "config" / "samples.tsv").read_text().splitlines()[0]
    (folder / "samples.tsv").write_text("\n".join([header, *samples, ""]))
    (folder / "config.yaml").write_text(
        f"lines: {folder}/lines.tsv\nsamples: {folder}/samples.tsv\nresults: {folder}/results\n"
    )
    return ["--configfile", f"{folder}/config.yaml"]


def test_ten_errors_of_the_sheets_are_told_at_once_and_nothing_runs(pristine, tmp_path):
    lines = [
        "D1\tdonor\t\tF",
        "A\tline\tD2\tfemale",
        "B 1\tline\tD1\tfemale",
        "C\tlin\tD1\tfemale",
        "=E\tline\t\tmale",
    ]
    samples = [
        "D1\t1\tsnp_array\ttable\tx.tsv\t\t\tGRCh38",
        "F\t1\tsnp_array\ttable\t.\t\t\tGRCh38",
        "A\tten\tsnp_array\tidat\ty.tsv\t\t\tGRCh38",
        "A\t3\tsnp_array\tgtc\tz.gtc\t\t\tmm10",
    ]
    done = pristine.run("--cores", "1", *bank(tmp_path / "bank", lines, samples))
    assert done.returncode == 1
    # Rows 2 to 6 of lines.tsv have one each; samples.tsv two, two, three and three.
    assert "15 errors; nothing was run." in done.stdout
    assert (
        len(re.findall(r"^ +row \d+, column \w+: found .+; expected .+", done.stdout, re.M)) == 15
    )
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "bank" / "results").exists()


def test_an_unknown_setting_is_refused_with_the_nearest(pristine):
    done = pristine.run("-n", "--config", "sampels=x")
    assert done.returncode == 1
    assert "column sampels: found an unknown key" in done.stdout
    assert "Did you mean 'samples'?" in done.stdout


def test_a_curated_table_that_is_nowhere_is_told_by_its_setting(pristine, tmp_path):
    settings = tmp_path / "config.yaml"
    settings.write_text("resources:\n  hotspots: nowhere/hotspots.tsv\n")
    done = pristine.run("-n", "--configfile", str(settings))
    assert done.returncode == 1
    assert "setting resources.hotspots: nowhere/hotspots.tsv is not there" in done.stdout


def test_wrong_files_are_told_together_before_any_other_job(pristine, tmp_path):
    folder = tmp_path / "bank"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.tsv").write_text("this\tis\tno\tarray\n1\t2\t3\t4\n")
    samples = [f"D1\t{i}\tsnp_array\ttable\t{name}.tsv\t\t\tGRCh38" for i, name in enumerate("abc")]
    options = bank(folder, ["D1\tline\t\tmale"], samples)
    done = pristine.run("--cores", "2", *options)
    assert done.returncode == 1
    for sample in ("D1-p0", "D1-p1", "D1-p2"):
        assert done.stdout.count(f"{sample} (snp_array): ") == 1
    assert "read_snp_array" not in done.stdout.partition("Job stats:")[2].partition("rule check")[2]
    assert not (folder / "results" / "check.tsv").exists()
    assert not (folder / "results" / "signals").exists()


# What a killed job leaves


def test_a_killed_job_leaves_no_result_and_the_next_run_makes_it(finished):
    results = Path("results", "lines", "example-line")
    whole = finished.folder / results
    script = finished.folder / "workflow" / "scripts" / "assess.py"
    text = script.read_text()
    killed = "import os, signal\nopen(snakemake.output[0], 'w').write('half')\n"
    try:
        script.write_text(text + killed + "os.kill(os.getpid(), signal.SIGKILL)\n")
        done = finished.run(str(results / "verdict.json"), "--cores", "1")
        assert done.returncode == 1
        assert not (whole / "verdict.json").exists()
        assert not (whole / "findings.tsv").exists()
    finally:
        script.write_text(text)
    done = finished.run("--cores", "2", "--quiet")
    assert done.returncode == 0, done.stdout
    assert (whole / "verdict.json").exists()


def test_a_killed_driver_does_not_pass_half_a_result_for_whole(finished):
    target = Path("results", "lines", "example-line", "verdict.json")
    script = finished.folder / "workflow" / "scripts" / "assess.py"
    text = script.read_text()
    half = "import os, signal\nopen(snakemake.output[0], 'w').write('half')\n"
    kill = "os.kill(os.getppid(), signal.SIGKILL)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    try:
        script.write_text(text + half + kill)
        done = finished.run(str(target), "--cores", "1")
        assert done.returncode == -signal.SIGKILL
    finally:
        script.write_text(text)
    finished.run("--unlock")
    done = finished.run("--cores", "2", "--quiet")
    assert done.returncode == 0, done.stdout
    assert (finished.folder / target).read_text() == "made by a stub"


def limited(program, folder, bytes_):
    """Run Python where no file may grow beyond a size, as on a full disk; return its words."""
    code = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({bytes_}, {bytes_}))\n"
    return subprocess.run(
        [sys.executable, "-c", code + textwrap.dedent(program)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow" / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["signals.parquet", "signals.tsv"])
def test_a_write_that_fails_leaves_the_old_result_and_no_half_of_the_new(tmp_path, name):
    (tmp_path / name).write_text("old")
    program = f"""
        import numpy as np, pandas as pd
        from linedrift import tables
        n = 200_000
        frame = pd.DataFrame({{
            "chrom": "chr1", "start": np.arange(n), "end": np.arange(n) + 1, "name": "rs",
            "level": np.random.default_rng(1).normal(size=n), "level_sd": np.nan,
            "b_fraction": np.random.default_rng(2).uniform(size=n), "b_sd": np.nan,
            "genotype": "AB", "usable": True,
        }})
        tables.write(frame, {name!r}, tables.SIGNALS)
    """
    done = limited(program, tmp_path, 100_000)
    assert done.returncode != 0
    assert "File too large" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "old"


def test_a_folder_of_files_is_whole_or_absent(tmp_path):
    program = """
        from linedrift import jobs
        def write(folder):
            (folder / "small.tsv").write_text("a")
            (folder / "large.tsv").write_text("b" * 200_000)
        jobs.write_folder("A", write)
    """
    done = limited(program, tmp_path, 100_000)
    assert "File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_stops_the_job_in_words_and_leaves_no_result(pristine, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(results)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        rows = [
            f"rs{i}\tchr1\t{1000 * i + 1}\t0.{i % 997:03d}\t0.{i % 991:03d}\n" for i in range(9999)
        ]
        table = tmp_path / "array.tsv"
        table.write_text("name\tchrom\tpos\tlrr\tbaf\n" + "".join(rows))
        options = bank(
            tmp_path, ["D1\tline\t\tmale"], [f"D1\t3\tsnp_array\ttable\t{table}\t\t\tGRCh38"]
        )
        target = results / "signals" / "D1-p3.snp_array.parquet"
        done = pristine.run(str(target), "--cores", "1", *options)
        assert done.returncode == 1
        assert "No space left on device" in done.stdout
        assert not target.exists()
        assert not list(results.rglob("*.part"))
    finally:
        subprocess.run(["umount", str(results)], check=True)
