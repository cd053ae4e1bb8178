"""Models as folders: make them, measure them, read them. Knows neither Django nor Celery."""
