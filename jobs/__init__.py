"""The process that does what needs no model: the sweep, webhooks, exports."""
