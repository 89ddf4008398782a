"""The page behind a link: nothing from elsewhere, nothing that was unknown, only buttons that lead on."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from flicbridge.alert.alert import Alert, AlertKind, AlertState, Doctor, Practice
from flicbridge.alert.desk import Standing
from flicbridge.api.answers import ANSWERS, Limit
from flicbridge.api.page import HEADERS, Tongue, alert_page, notice_page

AT = datetime(2026, 3, 1, 13, 2, tzinfo=UTC)
TONGUE = Tongue("fr", ZoneInfo("Europe/Paris"), str)
ALERT = Alert(
    id=UUID(int=7),
    kind=AlertKind.EMERGENCY,
    bridge="b",
    button="poche",
    gesture="long",
    pressed_at=AT,
    received_at=AT,
    was_queued=False,
    doctor=Doctor('Dr <b>"Anne"</b> & co', "+33612345678"),
    practice=Practice("Cabinet", "12 rue des Tilleuls"),
    position=None,
)
STANDING = Standing(ALERT, AlertState.NOTIFIED, 1, AT, AT)


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    page = alert_page(STANDING, TONGUE, ANSWERS)
    assert not any(
        word in page for word in ("<script", "http:", "https:", "src=", "href=", "@import", "url(")
    )
    assert "default-src 'none'" in HEADERS["Content-Security-Policy"]


def test_the_page_says_what_the_helper_knows_already_in_local_time_and_no_more() -> None:
    page = alert_page(STANDING, TONGUE, ANSWERS)
    assert "01/03/2026 14:02" in page
    assert "Dr &lt;b&gt;&quot;Anne&quot;&lt;/b&gt; &amp; co" in page
    assert not any(secret in page for secret in ("612345678", "rue des Tilleuls", "poche"))


def test_only_answers_that_are_offered_have_a_button() -> None:
    for offered in ([], ["acknowledge"], ["confirm", "false_alarm"]):
        page = alert_page(STANDING, TONGUE, offered)
        assert [answer for answer in ANSWERS if f'value="{answer}"' in page] == offered


def test_a_helper_reads_that_a_cancellation_is_doubted() -> None:
    doubted = replace(STANDING, doubted=1, seen_as=AlertState.CANCELLED)
    assert "the alert goes on" in alert_page(doubted, TONGUE, ANSWERS)
    assert "the alert goes on" not in alert_page(STANDING, TONGUE, ANSWERS)


def test_a_notice_is_escaped() -> None:
    assert "<i>" not in notice_page("<i>", TONGUE)


def test_bad_links_share_one_bucket_and_good_ones_have_their_own() -> None:
    limit = Limit()
    assert [limit.allows("x", 0.0, is_good=False) for _ in range(21)].count(False) == 1
    assert limit.allows("good", 0.0, is_good=True)
    assert limit.allows("x", 3.0, is_good=False)  # one more after three seconds
    assert not limit.allows("y", 3.0, is_good=False)
