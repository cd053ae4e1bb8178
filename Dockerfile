# Two images from one file: `web`, which never sees TensorFlow, and `worker`, which holds the model.
#   docker build --target web .
#   docker build --target worker --build-arg REQUIREMENTS=requirements-gpu.txt .

FROM python:3.13-slim-bookworm AS base
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    DJANGO_SETTINGS_MODULE=classifier_site.settings \
    KADR_DATA=/data \
    KADR_HOST=0.0.0.0
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin kadr \
    && install -d -o kadr -g kadr /data
WORKDIR /app
VOLUME /data

FROM base AS web
COPY requirements-web.txt .
RUN pip install --require-hashes -r requirements-web.txt
COPY manage.py ./
COPY classifier_site classifier_site
COPY classifier classifier
COPY jobs jobs
COPY kadr_client kadr_client
COPY templates templates
COPY locale locale
# The manifest is read by the web process; the weights stay in the worker's image.
COPY ml/__init__.py ml/manifest.py ml/
COPY ml/models ml/models
RUN find ml/models -name 'weights.*' -delete \
    && python -m compileall -q classifier classifier_site kadr_client ml
# Hashed and compressed once, here; the key signs nothing at that point.
ENV KADR_STATIC=/app/static
RUN KADR_SECRET_KEY=build python manage.py collectstatic --no-input --verbosity 0
USER kadr
EXPOSE 8080
CMD ["gunicorn", "classifier_site.wsgi", "-c", "classifier_site/gunicorn.conf.py", "--bind", "0.0.0.0:8080"]

FROM base AS worker
ARG REQUIREMENTS=requirements.txt
COPY ${REQUIREMENTS} requirements-worker.txt
RUN pip install --require-hashes -r requirements-worker.txt
COPY manage.py ./
COPY classifier_site classifier_site
COPY classifier classifier
COPY locale locale
COPY worker worker
COPY ml ml
USER kadr
CMD ["celery", "-A", "classifier_site", "worker", "--include", "worker.tasks", "--queues", "worker", \
     "--hostname", "worker@%h", "--pool", "prefork", "--concurrency", "1", "--without-gossip", \
     "--without-mingle", "--without-heartbeat"]
