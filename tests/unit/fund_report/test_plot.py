"""The picture: written, not blank, the same for the same history."""

import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image

from lastline import fund_plot as fp
from lastline import fund_report as fr
from lastline.units import WAD
from lastline.views import RiskView
from tests.unit.fund_report.test_report import fund_view


def history():
    start = 1_584_000_000
    return (
        fr.Point(start, 1, target=100_000),
        fr.Point(start + 3_600, 2, 90_000, 0, 100_000),
        fr.Point(start + 7_200, 3, 90_000, 30_000, 100_000),
        fr.Point(start + 9_000, 4, 60_000, 30_000, 120_000, 30_000, 0, 1),
        fr.Point(start + 9_600, 5, 0, 20_000, 120_000, 90_000, 10_000, 3),
        fr.Point(start + 20_000, 6, 40_000, 20_000, 120_000, 90_000, 10_000, 0),
    )


def report(points):
    last = points[-1].time + 3_600 if points else 0
    risk = RiskView(0, 0, WAD, 0, False, 0, 0)
    return fr.FundReport(9, last, 0, "USDC", fund_view(), 0, WAD, 0, 0, (), (), (), points, risk, ())


def test_png_has_the_colours_of_what_it_shows(tmp_path):
    path = tmp_path / "new" / "fund.png"
    fp.draw(report(history()), path)
    image = Image.open(path).convert("RGB")
    assert image.size == (1650, 1200)
    colours = {colour for _, colour in image.getcolors(2**24)}
    assert len(colours) > 100
    # lines are opaque: coverage's green is there as it is
    assert tuple(bytes.fromhex(fp.COVERAGE[1:])) in colours


def test_svg_names_everything(tmp_path):
    path = tmp_path / "fund.svg"
    fp.draw(report(history()), path)
    text = path.read_text()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    for words in ("balance (USDC)", "coverage (%)", "paid out so far (USDC)", "time (UTC)", "to block 9"):
        assert words in text
    for words in ("reserve", "community pool", "target", "mode CAUTION", "mode ADL"):
        assert words in text
    assert "mode NORMAL" not in text


def test_the_same_history_is_the_same_file(tmp_path):
    for name in ("first.svg", "again.svg"):
        fp.draw(report(history()), tmp_path / name)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()


def test_a_history_of_one_moment_and_one_without_a_target_are_drawn(tmp_path):
    for points in (history()[:1], (fr.Point(1_584_000_000, 1, 5),)):
        fp.draw(report(points), tmp_path / "fund.png")
        assert (tmp_path / "fund.png").stat().st_size > 10_000


def test_without_a_history_there_is_nothing_to_draw(tmp_path):
    with pytest.raises(ValueError, match="no history yet"):
        fp.draw(report(()), tmp_path / "fund.png")


@pytest.mark.parametrize("name", ["fund.pdf", "fund", "fund.svg.txt"])
def test_other_files_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=f"A plot is an .svg or .png file, not {name}."):
        fp.draw(report(history()), tmp_path / name)


def test_bands_are_the_stretches_in_one_mode():
    points = fp.extended(history(), history()[-1].time + 60)
    assert list(fp.bands(points)) == [(0, 0, 3), (1, 3, 4), (3, 4, 5), (0, 5, 6)]
    assert list(fp.bands(points[:2])) == [(0, 0, 1)]


def test_a_history_ends_at_the_block_and_is_never_empty():
    (point,) = history()[:1]
    assert [p.time for p in fp.extended([point], point.time + 9)] == [point.time, point.time + 9]
    assert [p.time for p in fp.extended([point], point.time)] == [point.time, point.time + 1]
