# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS wheels
# For the kernels in C; what runs in the end needs no compiler.
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --disable-pip-version-check -c constraints.txt -w /wheels .

FROM python:3.11-slim-bookworm
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --disable-pip-version-check --no-index /wheels/*.whl \
    && useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin fpservice \
    && install -d -o 10001 -g 10001 /data
ENV PYTHONUNBUFFERED=1 \
    FPSERVICE_DATA=/data \
    ACOUSTID_GUNICORN_BIND=0.0.0.0:5000
# By number: Kubernetes cannot tell from a name that it is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:5000/_health_docker', timeout=2)"]
ENTRYPOINT ["fpservice"]
CMD ["serve"]
