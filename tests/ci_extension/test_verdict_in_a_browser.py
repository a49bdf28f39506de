"""report.html in a real Chromium, from the disk: readable for all, alive for nobody."""

import pytest

from mlassay.render.verdict import verdict_page
from tests.ci_extension.test_site_in_a_browser import AXE, MODES, browser, opened
from tests.render.test_verdict_page import everything
from tests.render.verdicts import PASSED, evil

pytestmark = pytest.mark.ci_extension
__all__ = ["browser"]

VERDICTS = {
    "everything": (everything(), everything()),
    "passed": (PASSED, None),
    "hostile": (evil(), evil()),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("verdicts")
    for name, (one, live) in VERDICTS.items():
        (made / f"{name}.html").write_bytes(verdict_page(one, live))
    return made


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", VERDICTS)
def test_axe_finds_nothing_with_tables_closed_or_open(browser, folder, name, mode):
    from axe_playwright_python.sync_playwright import Axe

    page, _, _ = opened(browser, folder, f"{name}.html", bypass_csp=True, **MODES[mode])
    for _ in range(2):
        results = Axe().run(page, options=AXE)
        assert not results.violations_count, results.generate_report()
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.context.close()


@pytest.mark.parametrize("width", [320, 390])
@pytest.mark.parametrize("name", VERDICTS)
def test_it_does_not_scroll_sideways_on_a_phone_and_no_picture_leaves_its_frame(browser, folder, name, width):
    page, _, _ = opened(browser, folder, f"{name}.html", viewport={"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(
        """[...document.querySelectorAll('svg text')].filter(each => {
            const [word, frame] = [each.getBoundingClientRect(), each.ownerSVGElement.getBoundingClientRect()];
            return word.right > frame.right + 12 || word.left < frame.left - 12;
        }).map(each => each.textContent)"""
    ) == []  # fmt: skip
    page.context.close()


@pytest.mark.parametrize("strip", [False, True], ids=["as made", "without its policy"])
@pytest.mark.parametrize("name", VERDICTS)
def test_it_asks_for_nothing_and_nothing_in_it_runs(browser, folder, name, strip):
    page, asked, said = opened(browser, folder, f"{name}.html", strip=strip)
    assert len(asked) == 1
    assert said == []
    assert page.evaluate("document.scripts.length + document.images.length + frames.length") == 0
    assert page.evaluate("getComputedStyle(document.body).fontFamily").startswith('"Iowan')
    page.context.close()


def test_it_prints_with_its_pictures(browser, folder):
    page, _, _ = opened(browser, folder, "everything.html", color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("svg.plot").first.is_visible()
    assert len(page.pdf(format="A4")) > 10_000
    page.context.close()
