"""The pages of `audit site` in a real Chromium, from the disk: readable for all, alive for nobody."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mlassay.render.site import Intact, pages
from mlassay.render.site.folder import write_site
from tests.render.chronicles import EVIL, facts
from tests.tools import tool

pytestmark = pytest.mark.ci_extension

MODES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "dark phone": {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
}
ONE_OF_EACH = re.compile(r"[a-z]+\.html|[a-z]+/[a-z0-9-]+\.html")
AXE = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


def site(folder, made):
    write_site(folder, pages(made), "1" * 40)
    return folder


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory):
    return site(tmp_path_factory.mktemp("ordinary") / "site", facts(releases=12))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    broken = Intact("not intact", False, facts(EVIL).intact.findings, (EVIL,))
    return site(tmp_path_factory.mktemp("hostile") / "site", facts(EVIL, intact=broken))


def kinds(folder):
    """One page of each kind: every list, and of each folder the first."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    first = {name.split("/")[0]: name for name in reversed(names) if ONE_OF_EACH.fullmatch(name)}
    return sorted(first.values())


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=str(tool("chromium")))
        yield started
        started.close()


def opened(browser, folder, name, *, strip=False, **options):
    """A page, and the addresses that it asked for; with ``strip`` its Content-Security-Policy is taken away first."""
    context = browser.new_context(**options)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append("dialog"))
    path = folder / name
    if strip:
        text, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", path.read_text())
        assert count == 1
        path = path.with_name("stripped-" + path.name)
        path.write_text(text)
    page.goto(path.as_uri())
    return page, asked, said


@pytest.mark.parametrize(
    ("which", "mode"),
    [*(("ordinary", mode) for mode in MODES), ("hostile", "light"), ("hostile", "dark phone")],
)
def test_axe_finds_nothing_on_any_kind_of_page(browser, request, which, mode):
    from axe_playwright_python.sync_playwright import Axe

    folder = request.getfixturevalue(which)
    found = {}
    for name in kinds(folder):
        page, _, _ = opened(browser, folder, name, bypass_csp=True, **MODES[mode])
        results = Axe().run(page, options=AXE)
        if results.violations_count:
            found[name] = results.generate_report()
        page.context.close()
    assert not found, "\n".join(f"{name}\n{report}" for name, report in found.items())


def test_axe_would_find_a_fault(browser, ordinary):
    from axe_playwright_python.sync_playwright import Axe

    page, _, _ = opened(browser, ordinary, "index.html", bypass_csp=True)
    page.evaluate("document.querySelector('h1').style.color = '#eee'; document.documentElement.lang = ''")
    assert {each["id"] for each in Axe().run(page, options=AXE).response["violations"]} >= {
        "color-contrast",
        "html-has-lang",
    }
    page.context.close()


@pytest.mark.parametrize("width", [320, 390])
@pytest.mark.parametrize("which", ["ordinary", "hostile"])
def test_no_page_scrolls_sideways_on_a_phone(browser, request, which, width):
    folder = request.getfixturevalue(which)
    for name in kinds(folder):
        page, _, _ = opened(browser, folder, name, viewport={"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.context.close()


def test_a_page_asks_for_nothing_but_itself_and_keeps_to_its_policy(browser, ordinary):
    for name in kinds(ordinary):
        page, asked, said = opened(browser, ordinary, name)
        assert asked == [(ordinary / name).as_uri()]
        assert said == [], name  # what the policy refuses, it says
        assert page.evaluate("getComputedStyle(document.body).fontFamily").startswith('"Iowan')
        page.context.close()


@pytest.mark.parametrize("strip", [False, True], ids=["as made", "without its policy"])
def test_nothing_that_strangers_wrote_runs_or_loads(browser, hostile, strip):
    for name in kinds(hostile):
        page, asked, said = opened(browser, hostile, name, strip=strip)
        page.mouse.move(200, 200)
        for box in page.query_selector_all("bdi")[:5]:
            box.hover(force=True) if box.is_visible() else None
        assert page.evaluate("window.pwned") is None, name
        assert len(asked) == 1, (name, asked)
        assert said == [], (name, said)
        assert page.evaluate("document.scripts.length + document.images.length + frames.length") == 0
        assert page.evaluate("document.styleSheets.length") == 1
        page.context.close()


@pytest.fixture
def listener():
    """A server on this machine that a page could call: its address, and what it was asked for."""
    asked = []

    class Listening(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listening) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.mark.parametrize("guarded", [True, False])
def test_the_policy_holds_where_escaping_would_fail(browser, ordinary, listener, guarded):
    """A page with a stranger's elements put in raw: nothing runs, loads, or dresses the page anew; without it all does."""
    address, asked = listener
    evil = EVIL.encode("utf-8", "replace").decode().replace("</style></title></code>", "")
    loads = f"<img src={address}/x.png><link rel=stylesheet href={address}/x.css>"
    text = (ordinary / "glossary.html").read_text().replace("<h1>", f"{loads}{evil}<h1>")
    (ordinary / "raw.html").write_text(text)
    page, _, _ = opened(browser, ordinary, "raw.html", strip=not guarded)
    page.wait_for_timeout(300)
    assert (page.evaluate("window.pwned") is None) is guarded
    assert (page.evaluate("getComputedStyle(document.body).display") != "none") is guarded
    assert sorted(asked) == ([] if guarded else ["/x.css", "/x.png"])
    page.context.close()


def test_it_reads_without_javascript_and_the_keyboard_reaches_all(browser, ordinary):
    page, _, _ = opened(browser, ordinary, "index.html", java_script_enabled=False)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the text"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.get_by_role("link", name="Releases", exact=True).click()
    assert page.locator("h1").inner_text() == "Releases"
    page.locator("table a").first.click()
    assert page.locator("h1").inner_text().startswith("20260301-")
    page.context.close()


def test_colours_are_never_alone(browser, ordinary):
    """Without any colour the words still tell which result is which."""
    page, _, _ = opened(browser, ordinary, "results.html", forced_colors="active")
    assert page.get_by_text("failed", exact=True).count()
    assert page.get_by_text("passed", exact=True).count()
    assert page.locator("svg .cross").count()
    assert page.locator("svg .dot").count()
    page.context.close()


def test_it_prints_whole_and_without_what_only_serves_a_screen(browser, ordinary):
    page, _, _ = opened(browser, ordinary, "index.html", color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").first.is_visible()
    page.set_viewport_size({"width": 650, "height": 900})  # A4 between its margins
    assert page.evaluate(
        "[...document.querySelectorAll('.wide')].every(e => e.scrollWidth <= e.clientWidth + 1)"
    )
    assert len(page.pdf(format="A4")) > 10_000
    page.context.close()
