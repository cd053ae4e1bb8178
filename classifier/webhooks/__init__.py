"""Telling users' servers what happened, by the rules of Standard Webhooks."""
