"""The page of a verdict where people get it: `show --html`, and beside report.md, where nothing of it is signed."""

from dataclasses import replace

from mlassay.evidence import Outcome, read_verdict
from mlassay.render.verdict import verdict_page
from mlassay.stages.live_verdict import live_verdict, verdict_of_live
from mlassay.stages.report import read_reported
from tests import factory
from tests.cli.test_release import run


def test_show_writes_the_page_of_a_recorded_release(tmp_path):
    project = factory.make(tmp_path)
    release = factory.record(project, outcome=Outcome.FAILED).release
    page = tmp_path / "page.html"
    done = run(project.folder, "show", release.id, "--html", str(page))
    assert release.id in done.stdout
    verdict = read_verdict((project.folder / f"evidence/{release.id}/verdict.json").read_bytes(), "v")
    assert page.read_bytes() == verdict_page(verdict)
    assert b": failed</h1>" in page.read_bytes()


def test_what_stands_in_the_page_of_a_run_is_neither_read_nor_signed(tmp_path):
    project = factory.make(tmp_path)
    folder = factory.run_folder(project)
    before = read_reported(folder)
    (folder / "test/report.html").write_text("<h1>all is well</h1>")
    assert read_reported(folder) == before
    factory.sign_run(project, folder)
    assert (folder / "sign/report.md").exists()
    assert not (folder / "sign/report.html").exists()
    (folder / "test/other.html").write_text("")
    assert "nothing like 'other.html'" in read_reported(folder).problems[0].what


def test_the_release_that_ran_is_found_by_its_models_digest(tmp_path):
    project = factory.make(tmp_path)
    release = factory.record(project, outcome=Outcome.FAILED).release
    folder = project.folder / f"evidence/{release.id}"
    live = read_verdict((folder / "verdict.json").read_bytes(), "v")
    head = project.repo.head()
    then = replace(live, inputs={**live.inputs, "live": release.model.digest})
    other = replace(live, inputs={**live.inputs, "live": "sha256:" + "0" * 64})
    assert verdict_of_live(project.repo, head, then) == live
    assert verdict_of_live(project.repo, head, other) is None
    assert verdict_of_live(project.repo, head, live) is None
    assert live_verdict(folder / "model.onnx") == live
    assert live_verdict(None) is None
    (folder / "verdict.json").write_text("{")
    assert live_verdict(folder / "model.onnx") is None
