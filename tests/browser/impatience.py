"""What hangs counts as lost after 15 seconds; a test does not wait for so long, the first time."""

from playwright.sync_api import Page

SHORTENED = """() => {
    const patient = AbortSignal.timeout;
    AbortSignal.timeout = () => {
        AbortSignal.timeout = patient;
        const giver = new AbortController();
        setTimeout(() => giver.abort(new DOMException("", "TimeoutError")), 200);
        return giver.signal;
    };
}"""


def impatient(page: Page) -> None:
    page.evaluate(SHORTENED)
