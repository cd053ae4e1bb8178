"""Logging in to the running service as a person does."""

from playwright.sync_api import Page, expect

from tests.live.service import Service

CREATE = (
    "from django.contrib.auth.models import User;"
    "User.objects.filter(username='chief').exists() or "
    "User.objects.create_superuser('chief', password='a long password')"
)


def as_chief(page: Page, service: Service) -> None:
    service.manage("shell", "-c", CREATE)
    page.goto(service.url + "/admin/login/")
    page.fill("#id_username", "chief")
    page.fill("#id_password", "a long password")
    page.press("#id_password", "Enter")
    expect(page.locator("#user-tools")).to_be_visible()
