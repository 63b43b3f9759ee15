"""The report in a real browser: nothing fails, every figure is drawn, tables sort, phones read it.

`make test-browser` installs chromium and runs these; `make test` leaves them out.
"""

import base64
import shutil
from pathlib import Path

import pytest

import made_up
from augtrial.reporting.figures.calibration import draw_calibration
from augtrial.reporting.figures.confusion import draw_confusion
from augtrial.reporting.figures.contrasts import draw_contrasts
from augtrial.reporting.figures.endpoints import draw_endpoints
from augtrial.reporting.figures.roc import draw_roc
from augtrial.reporting.report.page import EmbeddedFigure

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Write a report of a made-up study and return its path."""
    folder, tables, style = tmp_path_factory.mktemp("report"), made_up.tables(), made_up.style()
    drawings = {
        "contrasts": draw_contrasts(tables["contrasts"], style),
        "endpoints": draw_endpoints(tables["endpoints"], style),
        "confusion": draw_confusion(tables["confusion"], style),
        "calibration": draw_calibration(tables["reliability"], tables["calibration"], style),
        "roc": draw_roc(tables["roc"], style),
    }
    figures = []
    for name, drawing in drawings.items():
        drawing.save(*(folder / f"{name}.{suffix}" for suffix in ("svg", "pdf", "csv")))
        svg = (folder / f"{name}.svg").read_text(encoding="utf-8")
        figures.append(EmbeddedFigure(name, svg, f"**{name}.** What it shows."))
    html = made_up.write_page(made_up.record(), tables, figures, "A made-up study.")
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chromium():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium, page):
    """The report, opened in a wide window."""
    chromium.set_window_size(1280, 900)
    chromium.get(page.as_uri())
    return chromium


def every(browser, selector):
    from selenium.webdriver.common.by import By

    found = browser.find_elements(By.CSS_SELECTOR, selector)
    assert found, selector
    return found


def test_the_console_stays_silent_and_nothing_is_fetched(browser, page):
    entries = browser.get_log("browser")
    assert [entry for entry in entries if entry["level"] in ("SEVERE", "WARNING")] == []
    sent = [
        entry["message"]
        for entry in browser.get_log("performance")
        if '"Network.requestWillBeSent"' in entry["message"]
    ]
    assert sent
    assert all(page.name in one or '"url":"data:' in one for one in sent)


def test_every_figure_is_drawn_and_described(browser):
    for image in every(browser, "figure img"):
        assert browser.execute_script("return arguments[0].complete", image)
        assert image.get_property("naturalWidth") > 300
        assert len(image.get_attribute("alt")) > 40


def test_a_figure_opens_large_and_closes_again(browser):
    dialog = every(browser, "dialog")[0]
    assert not dialog.is_displayed()
    every(browser, "figure button")[0].click()
    assert dialog.is_displayed()
    shown = every(browser, "dialog img")[0]
    assert shown.get_attribute("src") == every(browser, "figure img")[0].get_attribute("src")
    every(browser, "dialog button")[0].click()
    assert not dialog.is_displayed()


def test_a_table_sorts_by_its_numbers_both_ways(browser):
    table = every(browser, "#comparison table.sortable")[0]

    def column():
        script = (
            "return [...arguments[0].tBodies[0].rows].map(r => r.cells[1].dataset.value)"
            ".filter(v => v !== '').map(Number)"
        )
        return browser.execute_script(script, table)

    heading = every(browser, "#comparison table.sortable thead th:nth-child(2)")[0]
    before = column()
    every(browser, "#comparison table.sortable thead th:nth-child(2) button")[0].click()
    assert column() == sorted(before)
    assert heading.get_attribute("aria-sort") == "ascending"
    every(browser, "#comparison table.sortable thead th:nth-child(2) button")[0].click()
    assert column() == sorted(before, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"


def test_the_contents_lead_to_every_section(browser):
    links = every(browser, "nav a")
    for link in links:
        target = link.get_attribute("href").split("#")[1]
        assert every(browser, f"#{target}")[0].is_displayed()


def test_a_phone_reads_it_without_scrolling_sideways(browser):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True},
    )
    try:
        width = browser.execute_script("return document.documentElement.scrollWidth")
        assert width <= 390
        sizes = browser.execute_script(
            "return [...document.querySelectorAll('p, li, dd, figcaption')]"
            ".map(e => parseFloat(getComputedStyle(e).fontSize))"
        )
        assert min(sizes) >= 12
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_prints_on_paper_with_everything_unfolded(browser, tmp_path):
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    path = Path(tmp_path / "report.pdf")
    path.write_bytes(base64.b64decode(printed["data"]))
    pages = path.read_bytes().count(b"/Type /Page\n") or path.read_bytes().count(b"/Type /Page")
    assert pages >= 4
    assert all(fold.get_property("open") for fold in every(browser, "details"))
