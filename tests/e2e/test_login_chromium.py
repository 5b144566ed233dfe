"""Real Chromium, headless: the pages that people see, filled in and looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import Visit, visit
from command import Command


@pytest.fixture(params=["light", "dark"])
def chromium(request: pytest.FixtureRequest) -> Iterator[Visit]:
    with visit(request.param) as page:
        yield page


def test_a_person_fills_in_the_form_and_sees_the_success_page(oauth_cli: Command, chromium: Visit) -> None:
    handed_over = oauth_cli.handed_over()
    running = oauth_cli.start_login(browser=handed_over.browser)
    page = chromium.page
    page.goto(handed_over.url(running))
    chromium.screenshot("sign-in")
    page.get_by_label("Username").fill("ada")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"http://localhost:{oauth_cli.port}/callback*")
    assert page.title() == page.get_by_role("heading").inner_text() == "Signed in with mock"
    assert "close this tab" in page.inner_text("main")
    chromium.screenshot("success")
    done = running.finish()
    assert done.returncode == 0, done.stderr
    assert "Signed in as ada" in done.stderr
    assert chromium.troubles == []


def test_the_keyboard_alone_signs_in(oauth_cli: Command, chromium: Visit) -> None:
    handed_over = oauth_cli.handed_over()
    running = oauth_cli.start_login(browser=handed_over.browser)
    chromium.page.goto(handed_over.url(running))
    chromium.page.keyboard.type("grace")  # the field has the focus
    chromium.page.keyboard.press("Enter")
    chromium.page.wait_for_url(f"http://localhost:{oauth_cli.port}/callback*")
    done = running.finish()
    assert "Signed in as grace" in done.stderr
    assert chromium.troubles == []


def test_deny_ends_the_sign_in_and_the_error_page_says_so(oauth_cli: Command, chromium: Visit) -> None:
    handed_over = oauth_cli.handed_over()
    running = oauth_cli.start_login(browser=handed_over.browser)
    page = chromium.page
    page.goto(handed_over.url(running))
    page.get_by_role("button", name="Deny").click()
    page.wait_for_url(f"http://localhost:{oauth_cli.port}/callback*")
    assert page.title() == page.get_by_role("heading").inner_text() == "You are not signed in"
    assert "access_denied" in page.inner_text("main")
    chromium.screenshot("denied")
    done = running.finish()
    assert (done.returncode, done.stdout) == (5, ""), done.stderr
    assert "access_denied" in done.stderr
    assert chromium.troubles == []


def test_the_code_does_not_stay_on_the_page(oauth_cli: Command, chromium: Visit) -> None:
    handed_over = oauth_cli.handed_over()
    running = oauth_cli.start_login(browser=handed_over.browser)
    page = chromium.page
    page.goto(handed_over.url(running))
    page.get_by_label("Username").fill("ada")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"http://localhost:{oauth_cli.port}/callback*")
    code = page.url.partition("code=")[2].partition("&")[0]
    assert code
    assert code not in page.content()
    assert running.finish().returncode == 0
