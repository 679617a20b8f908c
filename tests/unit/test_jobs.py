"""What scripts do around their work."""

from types import SimpleNamespace

import pytest
from linedrift import jobs


def job(tmp_path):
    return SimpleNamespace(log=[str(tmp_path / "job.log")])


def log(tmp_path):
    return (tmp_path / "job.log").read_text(encoding="utf-8")


def test_a_job_logs_one_line_of_figures(tmp_path):
    jobs.run(lambda job: "3 events", job(tmp_path))
    assert log(tmp_path).startswith("3 events (")
    assert log(tmp_path).count("\n") == 1


def test_an_error_for_people_ends_the_job_with_its_words(tmp_path, capsys):
    words = "a.tsv, row 3: found x; expected y"

    def main(job):
        raise ValueError(words)

    with pytest.raises(SystemExit) as stopped:
        jobs.run(main, job(tmp_path))
    assert stopped.value.code == 1
    assert capsys.readouterr().err == f"{words}\n"
    assert log(tmp_path).startswith(f"{words}\n")
    # The log says where as well, and the words no second time.
    assert "Traceback" in log(tmp_path)
    assert log(tmp_path).count(words) == 1


def test_a_defect_keeps_its_traceback(tmp_path):
    with pytest.raises(KeyError):
        jobs.run(lambda job: {}["nothing"], job(tmp_path))
    assert "KeyError: 'nothing'" in log(tmp_path)


def test_a_log_that_cannot_be_written_does_not_hide_the_error(tmp_path, capsys):
    def main(job):
        raise OSError(28, "No space left on device")

    with pytest.raises(SystemExit):
        jobs.run(main, SimpleNamespace(log=[str(tmp_path / "no" / "job.log")]))
    assert "No space left on device" in capsys.readouterr().err


def test_a_folder_replaces_the_old_one_as_a_whole(tmp_path):
    def write(name):
        return lambda folder: (folder / name).write_text("x")

    jobs.write_folder(tmp_path / "A", write("old"))
    assert jobs.write_folder(tmp_path / "A", write("new")) == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["A", "new"]

    def fail(folder):
        (folder / "half").write_text("x")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        jobs.write_folder(tmp_path / "A", fail)
    assert [path.name for path in tmp_path.rglob("*")] == ["A", "new"]


def test_provenance_names_versions_and_not_places():
    found = jobs.provenance("0.1.0", {"name": "Bank", "contact": ""})
    assert found["linedrift"] == "0.1.0"
    assert found["bank name"] == "Bank"
    assert "bank contact" not in found
    assert not any("/" in value for value in found.values())
